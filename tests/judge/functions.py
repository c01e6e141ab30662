"""Judges calls of functions as queries write them: `python -m tests.judge.functions duckdb postgres`.

The rules are asked about by name and types (`tests/rules/`); a query's call reaches them through sqlglot's
parser, which renames functions, moves arguments, and makes casts and operators of some, and the binder. Each
rule is put to the test with random arguments that it takes, in a query over a table with columns of all
types, and the type compared with the engine's.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot.errors import ParseError

from sqlflow.dialect.rules.table import read_set
from sqlflow.dialect.rules.tokens import tokens
from tests.judge.report import Target, clipped, percent, table, targets
from tests.judge.subject import analyse
from tests.rules.explore import plain_call
from tests.rules.probes import Probe
from tests.rules.subject import Subject
from tests.rules.subjects import subjects

# Calls for each rule; those of a rule that the engine refuses are not counted.
CALLS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The figures: what the engine takes is right, unknown, wrong or refused by us."""

    functions: int
    taken: int
    right: int
    unknown: int
    wrong: tuple[str, ...]
    refused: tuple[str, ...]
    # Functions of which some call is unknown, and those that sqlglot's parser doesn't read as calls.
    doubtful: tuple[str, ...]
    unread: tuple[str, ...]

    def targets(self) -> tuple[Target, ...]:
        """What has to be reached."""
        return (
            Target("there are calls to judge", self.taken > 0, str(self.taken)),
            Target("wrong types", not self.wrong, str(len(self.wrong))),
            Target("calls that the engine takes, refused", not self.refused, str(len(self.refused))),
        )


def calls(subject: Subject, seed: int, share: float = 1.0) -> Iterator[tuple[str, str]]:
    """Gives functions and texts of calls that rules speak of."""
    data: dict[str, Any] = json.loads(subject.file.read_text(encoding="utf-8"))
    shapes = {shape.name: shape.call for shape in subject.shapes(subject.start())}
    by_token: dict[str, list[Probe]] = defaultdict(list)
    for probe in subject.probes:
        for token in tokens(probe.kind):
            by_token[token].append(probe)
    for key, tables in data["functions"].items():
        name, _, constant = key.partition(" ")
        chance = random.Random(f"{seed} {key}")
        write = shapes.get(name, plain_call(name))
        for arity, rules in tables.items():
            for _, *sets in rules:
                if chance.random() > share:
                    continue
                for _ in range(CALLS):
                    given = sets if arity != "*" else sets * chance.randint(1, 3)
                    axes = [_probes(read_set(one, data["sets"]), by_token, subject) for one in given]
                    arguments = [chance.choice(axis).column for axis in axes]
                    if constant:
                        arguments[data["keyed"][name][0] - 1] = constant if constant != "''" else "'x'"
                    yield name, write(arguments).replace('"', "")


def _probes(
    taken: frozenset[str] | None, by_token: Mapping[str, list[Probe]], subject: Subject
) -> Sequence[Probe]:
    some = [probe for word in sorted(taken or ()) for probe in by_token.get(word, ())]
    return some or subject.probes


def judge_functions(subject: Subject, *, seed: int = 1, share: float = 1.0) -> Outcome:
    """Judges calls of every function that there are rules for."""
    engine = subject.start()
    tables = {"t": tuple((name, text, False) for name, text in subject.columns)}
    made = list(dict.fromkeys(calls(subject, seed, share)))
    answers = engine.types([call for _, call in made])
    right, unknown, wrong, refused = 0, 0, list[str](), list[str]()
    doubtful, unread = dict[str, None](), dict[str, None]()
    for (name, call), answer in zip(made, answers, strict=True):
        if isinstance(answer, str):
            continue
        try:
            said, error = _said(call, subject, tables)
        except ParseError:
            unread[name] = None
            continue
        if error:
            refused.append(f"{call}: {answer}, and the binder says: {error}")
        elif said is None:
            unknown += 1
            doubtful[name] = None
        elif said == str(answer):
            right += 1
        else:
            wrong.append(f"{call}: {answer}, the binder says {said}")
    return Outcome(
        functions=len({name for name, _ in made}),
        taken=right + unknown + len(wrong) + len(refused),
        right=right,
        unknown=unknown,
        wrong=tuple(wrong),
        refused=tuple(refused),
        doubtful=tuple(doubtful),
        unread=tuple(unread),
    )


def _said(call: str, subject: Subject, tables: Any) -> tuple[str | None, str]:
    found = analyse(f"SELECT {call} AS x FROM t", subject.name, tables)
    if found.errors:
        return None, found.errors[0]
    return (found.columns[0].type, "") if len(found.columns) == 1 else (None, "")


def main(arguments: Sequence[str]) -> int:
    """Prints the figures of each dialect; 1 where a target is missed."""
    held = True
    with subjects(arguments or ("duckdb", "postgres")) as some:
        for subject in some:
            started = time.monotonic()
            found = judge_functions(subject)
            held = held and all(target.held for target in found.targets())
            row = (
                subject.name, found.functions, found.taken, percent(found.right, found.taken),
                percent(found.unknown, found.taken), len(found.wrong), len(found.refused),
            )  # fmt: skip
            print(table(("", "functions", "calls", "right", "unknown", "wrong", "refused"), [row]))
            print("", targets(found.targets()), "", sep="\n")
            print(clipped([*found.wrong, *found.refused], 20))
            print(f"some call unknown: {clipped(list(found.doubtful), 30)}".replace("\n", " "))
            print(f"not read by sqlglot: {', '.join(found.unread)}")
            print(f"{time.monotonic() - started:.1f} s\n")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
