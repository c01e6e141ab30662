"""Writes down which constructs mean the same on two engines.

`python -m tests.pairs.generate` asks DuckDB and a PostgreSQL server of its own for every question of
`tests/pairs/questions.py`, as it is written on the one and as it is translated on the other, and writes
`sqlflow/dialect/pairs/*.json`. With `--why`, it prints what was not verified, and why.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlflow.dialect.spec import DialectSpec
from sqlflow.dialect.specs import SPECS
from tests.pairs.ask import NOTHING, Asker, Run, verdict
from tests.pairs.forms import CASTS, FORMS, PLAINER, TYPES
from tests.pairs.grid import ROWS, Grid
from tests.pairs.questions import Question, questions
from tests.servers import postgres_server

FOLDER = Path(__file__).parents[2] / "sqlflow" / "dialect" / "pairs"
EACH = tuple(f"id = {number}" for number in range(ROWS * ROWS))
_HUGE = re.compile(r"\bh2?\b")
_PASSES = 4
# What stands around a function, and holds where the function in it does.
_AROUND = ("Window(", "Interval(", "Ordered(", "Filter", "WithinGroup(", "IgnoreNulls")


@contextmanager
def engines(huge: str = "BIGINT") -> Iterator[dict[str, Run]]:
    """Runs both engines, with the grid on each; on the second a HUGEINT is a `huge`."""
    import duckdb
    import psycopg

    with postgres_server() as server:
        # Letters beyond ASCII have upper and lower case; texts are in the order of their bytes.
        server.execute("CREATE DATABASE pairs TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
        duck: Any = duckdb.connect()
        post: Any = psycopg.connect(autocommit=True, **server.settings("pairs"))
        with post:
            for connection, grid in ((duck, Grid("duckdb", "HUGEINT")), (post, Grid("postgres", huge))):
                for statement in grid.statements():
                    connection.execute(statement)
            yield {
                "duckdb": lambda sql: duck.execute(sql).fetchall(),
                "postgres": lambda sql: post.execute(sql).fetchall(),
            }


class Verifier:
    """Finds what is verified from one dialect to another."""

    def __init__(self, source: DialectSpec, target: DialectSpec, runs: Mapping[str, Run]) -> None:
        self.pair = f"{source.name}.{target.name}"
        self.asker = Asker(source, target, {}, TYPES[self.pair])
        self.why: dict[str, str] = {}
        self._here, self._there = runs[source.name], runs[target.name]
        self._answers: dict[tuple[str, str], str] = {}

    def run(self, wanted: Callable[[Question], bool]) -> dict[str, str]:
        """Asks what is wanted until nothing new is verified; a construct has to hold in every question."""
        asked = [question for question in questions(self.asker.source.name) if wanted(question)]
        for _ in range(_PASSES):
            before = dict(self.asker.verified)
            found: defaultdict[str, list[list[str]]] = defaultdict(list)
            for question in asked:
                for key, ways in self._ask(question):
                    found[key].append(ways)
            for key, answers in found.items():
                common = [way for way in answers[0] if all(way in ways for ways in answers)]
                self.asker.verified.pop(key, None)
                if common:
                    self.asker.verified[key] = common[0]
            if before == self.asker.verified:
                break
        return dict(sorted(self.asker.verified.items()))

    def _ask(self, question: Question) -> Iterator[tuple[str, list[str]]]:
        """Gives what a question says of constructs: the ways to write each that hold."""
        try:
            asked = self.asker.translate(question.sql)
        except Exception:
            # The dialect has no such thing: the question is one to the other.
            return
        verified = self.asker.verified
        unknown = {
            part.keys[0]
            for part in asked.constructs
            if part is not asked.root and not any(key in verified for key in part.keys)
        }
        if any("?" in key for key in unknown) or (asked.root is None and question.section != "queries"):
            return
        if asked.root is None or question.section == "queries":
            why = self._verdict(question, {})[0]
            if why:
                self.why[question.sql] = why
            # Where several are asked for at once, it is not known which one is to blame.
            if not why or (len(unknown) == 1 and why != NOTHING):
                yield from ((key, [] if why else [""]) for key in unknown)
            return
        key = asked.root.keys[0]
        around = {other for other in unknown if other.startswith(_AROUND)}
        if "?" in key or unknown - around:
            return
        ways = self._ways(question, key)
        if ways is None:
            return
        yield key, ways
        if ways:
            yield from ((other, [""]) for other in around)

    def _ways(self, question: Question, key: str) -> list[str] | None:
        """The ways to write a construct that give what the source gives, the plainest first.

        None where the source itself has no value for it.
        """
        casts = CASTS[self.pair]
        plain: list[str] = []
        cast: list[str] = []
        for form in self._forms(key):
            why, kind = self._verdict(question, {key: form})
            if why == NOTHING:
                return None
            if not why:
                plain.append(form)
            elif kind in casts:
                wrapped = f"CAST({form or '{}'} AS {casts[kind]})"
                why, _ = self._verdict(question, {key: wrapped})
                cast += [] if why else [wrapped]
            if why:
                self.why[key] = f"{question.sql}: {why}"
        return plain + cast

    def _forms(self, key: str) -> Iterator[str]:
        yield from (form for pattern, form in PLAINER[self.pair] if pattern.search(key))
        yield ""
        yield from (form for pattern, form in FORMS[self.pair] if pattern.search(key))

    def _verdict(self, question: Question, forms: Mapping[str, str]) -> tuple[str, str]:
        try:
            asked = self.asker.translate(question.sql, forms)
        except Exception as error:
            return f"{type(error).__name__}: {error}", ""
        told = (asked.sql, asked.translated)
        if told not in self._answers:
            each = EACH if question.by_row else ()
            self._answers[told] = verdict(asked, self._here, self._there, each)
        return self._answers[told], str(asked.kind)


def main() -> None:
    """Asks for both directions and writes the files."""
    found: dict[str, dict[str, str]] = {}
    for huge in ("BIGINT", "NUMERIC(38,0)"):
        with engines(huge) as runs:
            for source, target in (("duckdb", "postgres"), ("postgres", "duckdb")):
                verifier = Verifier(SPECS[source], SPECS[target], runs)
                before = found.get(verifier.pair)
                if before is None:
                    found[verifier.pair] = verifier.run(lambda question: True)
                elif source == "duckdb":
                    # A sum is either of these there: what works on one has to hold for both.
                    verifier.asker.verified.update((k, w) for k, w in before.items() if "HUGEINT" not in k)
                    again = verifier.run(lambda question: bool(_HUGE.search(question.sql)))
                    found[verifier.pair] = {
                        key: way
                        for key, way in before.items()
                        if "HUGEINT" not in key or again.get(key) == way
                    }
                if "--why" in sys.argv:
                    for key, why in sorted(verifier.why.items()):
                        print(f"{verifier.pair} {key}\n    {why}")
    for pair, verified in found.items():
        text = json.dumps({"types": TYPES[pair], "verified": verified}, indent=1, ensure_ascii=False)
        (FOLDER / f"{pair}.json").write_text(text + "\n", encoding="utf-8")
        print(f"{pair}: {len(verified)} constructs")


if __name__ == "__main__":
    main()
