"""What is asked of pairs of dialects: expressions over the grid, and whole queries.

They stand in `questions.txt`. In a template `{0}` stands for the first column of a kind, `{1}` for the second
column of another; behind `;;` are the kinds that are tried for each. A kind that is none, as `2` or `'a'`, is
written as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

from tests.pairs.grid import KINDS, TYPES

_INTS = "small int big huge"
_SETS = {
    "INTS": _INTS,
    "NUMBERS": f"{_INTS} decimal double",
    "ORDERED": f"{_INTS} decimal double date time",
    "ALL": f"{_INTS} decimal double text bool date time",
}
_QUERIES = {
    "scalars": "SELECT id, {} AS r FROM grid ORDER BY id",
    "aggregates": "SELECT k, {} AS r FROM grid GROUP BY k ORDER BY k",
    "windows": "SELECT id, {} AS r FROM grid ORDER BY id",
}


class Question(NamedTuple):
    """A query; `section` says whether its clauses are asked about, or what its column `r` is."""

    sql: str
    section: str

    @property
    def by_row(self) -> bool:
        """Whether each row of the answer is made of one row of the grid."""
        return self.section == "scalars"


def questions(dialect: str) -> Iterator[Question]:
    """Gives all questions to a dialect; those that it doesn't understand are told by asking."""
    section = ""
    for line in (Path(__file__).parent / "questions.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "queries" and line:
            yield Question(line, section)
        elif section and line:
            for text in _filled(line.split(" ;; "), dialect):
                yield Question(_QUERIES[section].format(text), section)


def _filled(template: list[str], dialect: str) -> Iterator[str]:
    text, *operands = template
    given = [" ".join(_SETS.get(word, word) for word in words.split(" ")) for words in operands]
    kinds = [[k for k in words.split(" ") if k not in KINDS or k in TYPES[dialect]] for words in given]
    for chosen in product(*kinds):
        names = [KINDS[kind][place] if kind in KINDS else kind for place, kind in enumerate(chosen)]
        yield text.format(*names)
