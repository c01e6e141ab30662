"""Looks for bad input that the compiler doesn't answer with diagnostics: `python -m tests.fuzz.compile`.

A case is a small project with one file broken (`tests/fuzz/mutate.py`); case `SEED:N` is the same on every
machine. What has to hold: nothing is raised but ProjectError, every place lies within its file, every
diagnostic can be drawn and written as JSON, and no case takes longer than `MOST_SECONDS`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import FrameType

from sqlflow import manifest
from sqlflow.cli.views.diagnostics import render
from sqlflow.cli.views.json import diagnostic_record
from sqlflow.compiler import Compilation, compile_project
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.span import Span
from sqlflow.system.memory import MemorySystem
from tests.fuzz.mutate import DEEP_FORMS, deep, mutate
from tests.fuzz.project import FILES, QUERIES, Files
from tests.judge.generate import random_query

# Looked for is what takes no end: a megabyte of columns takes half a minute, and longer on a busy machine.
MOST_SECONDS = 180
_CHUNK = 100
_MEGABYTE = 1 << 20


class TooSlowError(Exception):
    """A case took longer than `MOST_SECONDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What cases came to: codes of diagnostics with how often they were told, clean cases, failures."""

    cases: int
    clean: int
    codes: Mapping[str, int]
    failures: tuple[str, ...]
    slowest: tuple[float, str]


def extremes() -> Mapping[str, Files]:
    """Cases that are too large to come up by chance."""
    long = {
        "spaces": b" " * _MEGABYTE,
        "select 1 and spaces": b"select 1 as a" + b" " * _MEGABYTE,
        "a string": b"select '" + b"x" * _MEGABYTE + b"' as a",
        "a string that never ends": b"select '" + b"x" * _MEGABYTE,
        "a name": b"select " + b"x" * _MEGABYTE + b" from items",
        "a number": b"select " + b"9" * _MEGABYTE + b" as a",
        "a comment": b"select 1 as a /*" + b"x" * _MEGABYTE + b"*/",
        "a comment that never ends": b"select 1 as a /*" + b"x" * _MEGABYTE,
        "brackets": b"(" * _MEGABYTE,
        "braces": b"{" * _MEGABYTE,
        "a list": b"select 1 as a where 1 in (" + b"1," * (_MEGABYTE // 2) + b"1)",
        "columns": b"select " + b"id," * (_MEGABYTE // 3) + b" from items",
        "commas": b"," * _MEGABYTE,
        "semicolons": b"select 1;" * (_MEGABYTE // 9),
        "additions": b"select " + b"1+" * (_MEGABYTE // 2) + b"1 as a",
        "expressions": b"{{ 1 }}" * (_MEGABYTE // 7),
        "newlines": b"select" + b"\n" * _MEGABYTE,
        "noise": random.Random(1).randbytes(_MEGABYTE),
    }
    out = {f"1 MB of {name}": {"models/q.sql": text} for name, text in long.items()}
    for kind in range(DEEP_FORMS):
        for depth in (100, 1_000, 30_000):
            text = deep(kind, depth)
            name = f"{depth} levels of {deep(kind, 1).decode()}"
            out[name] = {"models/q.sql": text}
            out[f"{name} in a query"] = {"models/q.sql": b"select " + text + b" as a from items"}
            out[f"{name} in a properties file"] = {"models/q.yml": b"models:\n- " + text}
            out[f"{name} in a Python model"] = {"models/p.py": b"def p(a):\n    return " + text}
    for depth in (100, 400, 1_000, 3_000):
        # An engine is asked for what the first column is called, and so sees the second one too.
        for left, right in (
            ("[", "]"),
            ("(", ")"),
            ("{'a': ", "}"),
            ("1 + ", ""),
            ("abs(", ")"),
            ("(select ", ")"),
        ):
            text = f"select count(*) over (), {left * depth}id{right * depth} as a from items".encode()
            out[f"{depth} levels of {left} beside a column without a name"] = {"models/q.sql": text}
    return {name: {**FILES, **files} for name, files in out.items()}


def case(name: str) -> Files:
    """Makes the files of case `SEED:N`."""
    dice = random.Random(name)
    files = dict(FILES)
    path = dice.choice([path for path in files if path != "models/q.sql"])
    if dice.random() < 0.7:
        path = "models/q.sql"
        made = str(random_query(name)).encode() if dice.random() < 0.5 else dice.choice(QUERIES)
        files[path] = made
    files[path] = mutate(dice, files[path], (*FILES.values(), *QUERIES))
    return files


def check(files: Files) -> tuple[tuple[Diagnostic, ...], str]:
    """Compiles a project; gives its diagnostics, and what is wrong with them or with the compiler."""
    system = MemorySystem(files)
    compiled: Compilation | None = None
    try:
        compiled = compile_project(system)
        found = compiled.diagnostics
    except ProjectError as error:
        found = error.diagnostics
    if compiled is None:
        return found, ""

    def place(span: Span) -> str:
        text = files.get(span.path, b"").decode("utf-8", "replace")
        within = 0 <= span.start <= span.end <= len(text)
        return "" if within else f"{span} is outside its file of {len(text)} characters"

    for diagnostic in found:
        if not diagnostic.message.strip():
            return found, f"{diagnostic.code} has no message"
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            if span is not None and place(span):
                return found, f"{diagnostic.code}: {place(span)}"
        render(diagnostic, compiled.tree.lines, paint=lambda text, style: text, width=100)
        json.dumps(diagnostic_record(diagnostic, compiled.tree.lines))
    if compiled.program is not None and compiled.project is not None:
        json.dumps(manifest.manifest(compiled.project, compiled.program))
    return found, ""


def _late(number: int, frame: FrameType | None) -> None:
    raise TooSlowError


def run(cases: Sequence[tuple[str, Files]]) -> Outcome:
    """Checks cases one after the other, in the main thread."""
    codes: Counter[str] = Counter()
    failures: list[str] = []
    clean, slowest = 0, (0.0, "")
    before = signal.signal(signal.SIGALRM, _late)
    try:
        for name, files in cases:
            started = time.monotonic()
            signal.alarm(MOST_SECONDS)
            try:
                found, problem = check(files)
            except TooSlowError:
                found, problem = (), f"takes longer than {MOST_SECONDS} s"
            except Exception:
                found, problem = (), traceback.format_exc(limit=-6)
            finally:
                signal.alarm(0)
            slowest = max(slowest, (time.monotonic() - started, name))
            codes.update({diagnostic.code.value for diagnostic in found})
            clean += not found
            if problem:
                failures.append(f"{name}: {problem}")
    finally:
        signal.signal(signal.SIGALRM, before)
    return Outcome(cases=len(cases), clean=clean, codes=codes, failures=tuple(failures), slowest=slowest)


def run_numbers(seed: int, numbers: range) -> Outcome:
    """Checks random cases."""
    return run([(f"{seed}:{number}", case(f"{seed}:{number}")) for number in numbers])


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Adds up."""
    codes: Counter[str] = Counter()
    for outcome in outcomes:
        codes.update(outcome.codes)
    return Outcome(
        cases=sum(outcome.cases for outcome in outcomes),
        clean=sum(outcome.clean for outcome in outcomes),
        codes=codes,
        failures=tuple(failure for outcome in outcomes for failure in outcome.failures),
        slowest=max((outcome.slowest for outcome in outcomes), default=(0.0, "")),
    )


def _parallel(seed: int, count: int) -> list[Outcome]:
    """Runs cases in processes, so that a crash of an interpreter is seen and told as one."""
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        pending = [pool.submit(run_numbers, seed, chunk) for chunk in chunks]
        for chunk, one in zip(chunks, pending, strict=True):
            try:
                outcomes.append(one.result())
            except BrokenProcessPool:
                print(f"the interpreter crashed in one of {seed}:{chunk.start} and those after it")
                raise SystemExit(1) from None
            if sys.stderr.isatty():
                print(f"\r{chunk.stop}/{count}", end="", file=sys.stderr, flush=True)
    return outcomes


def main() -> int:
    """Runs the extremes and random cases, prints what came of them; 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="SEED:N", help="shows one case")
    options = parser.parse_args()
    if options.only:
        files = case(options.only)
        changed = {path: text for path, text in files.items() if FILES.get(path) != text}
        print(changed)
        print(run([(options.only, files)]))
        return 0
    started = time.monotonic()
    large = extremes()
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        fixed = list(pool.map(run, [[item] for item in large.items()]))
    outcome = together([*fixed, *_parallel(options.seed, options.count)])
    for failure in outcome.failures[:20]:
        print(failure)
    print(f"{len(large)} fixed and {options.count} random cases (seed {options.seed})")
    seconds, slowest = outcome.slowest
    print(f"took {time.monotonic() - started:.0f} s; the slowest {seconds:.1f} s: {slowest}")
    print(f"without a diagnostic: {outcome.clean}; failed: {len(outcome.failures)}")
    codes = (f"{code} {times}" for code, times in sorted(outcome.codes.items()))
    print("cases with a code: " + ", ".join(codes))
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
