"""The words of a query that its tree doesn't account for.

sqlglot reads several ways of writing into one tree, also such as an engine tells apart: `REAL` and `FLOAT`
on PostgreSQL, `j->'a.b'` and `j->'$.a.b'`, `DATE 'x'::VARCHAR` and `'x'::VARCHAR::DATE`. So each token of the
text has to be accounted for: by a node that stands where it stands, or by being one of the words that the
tree says in full. All other tokens belong to the form, with the node that stands before them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from sqlglot.tokenizer_core import Token, TokenType

from sqlflow.render.types import PLACEHOLDER, THIS

# What the tree says in full, however it is written.
_SIGNS = frozenset(
    ["(", ")", ",", ".", ";", "=", "==", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "//", "%",
     "||", "::", "[", "]", "{", "}", ":"]
)  # fmt: skip
_WORDS = frozenset(
    ["SELECT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "ORDER", "QUALIFY", "WINDOW", "OVER",
     "PARTITION", "LIMIT", "OFFSET", "DISTINCT", "ON", "USING", "JOIN", "LEFT", "RIGHT", "FULL", "OUTER",
     "INNER", "CROSS", "NATURAL", "ASOF", "SEMI", "ANTI", "POSITIONAL", "LATERAL", "UNION", "ALL",
     "INTERSECT", "EXCEPT", "NAME", "WITH", "RECURSIVE", "AS", "AND", "OR", "NOT", "IN", "IS", "NULL",
     "TRUE", "FALSE", "LIKE", "ILIKE", "BETWEEN", "EXISTS", "CASE", "WHEN", "THEN", "ELSE", "END",
     "CAST", "TRY_CAST", "IF", "EXTRACT", "FILTER", "WITHIN", "ASC", "DESC", "ROWS", "RANGE", "GROUPS",
     "UNBOUNDED", "PRECEDING", "FOLLOWING", "CURRENT", "ROW", "VALUES", "ANY", "ROLLUP", "CUBE",
     "GROUPING", "SETS", "EXCLUDE", "REPLACE", "RENAME", "CURRENT_DATE", "CURRENT_TIMESTAMP", "UNNEST",
     "MAX", "MIN", "MAP", "LAMBDA"]
)  # fmt: skip
# Names of types: what sqlglot takes for one type is one to the engines, which `tests/bind_canonical/` asks.
TYPE_WORDS = frozenset(
    ["BIGINT", "BLOB", "BOOLEAN", "BOOL", "DATE", "DECIMAL", "DOUBLE", "HUGEINT", "INT", "INTEGER",
     "INT4", "INT8", "JSON", "NUMERIC", "PRECISION", "SMALLINT", "TEXT", "TIME", "TIMESTAMP",
     "TIMESTAMPTZ", "TINYINT", "UUID", "VARCHAR"]
)  # fmt: skip
# What may stand before a text and says its type: sqlglot takes it for a cast behind it.
_PREFIXES = TYPE_WORDS | {"INTERVAL"}
_TEXTS = frozenset({TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER})


class Words(NamedTuple):
    """Tokens that no node accounts for: `before` and `after` others, by where those begin."""

    before: dict[int, str]
    after: dict[int, str]
    joins: int


def lost_words(
    tokens: Sequence[Token], starts: Collection[int], keys: Collection[str], spell: Callable[[str], str]
) -> Words:
    """Finds the tokens that no node accounts for; `starts` are where nodes begin, `keys` names without place.

    `spell` writes the placeholders in a text as what they stand for. What stands before the first node
    belongs to -1. `joins` counts the word JOIN, since a join without it looks the same in the tree.
    """
    before: dict[int, str] = {}
    after: dict[int, str] = {}
    last, joins, calls = -1, 0, ""
    for index, token in enumerate(tokens):
        if token.start in starts:
            last = token.start
            if calls:
                before[last] = calls + before.get(last, "")
                calls = ""
            continue
        word = token.text.upper()
        if token.text in keys and _is_key(tokens, index):
            continue
        if token.token_type in _TEXTS:
            after[last] = f"{after.get(last, '')} {json.dumps(spell(token.text))}"
        elif word in _PREFIXES:
            follows = tokens[index + 1] if index + 1 < len(tokens) else None
            if follows is not None and follows.token_type is TokenType.STRING:
                before[follows.start] = f"{before.get(follows.start, '')} {word}"
        elif word in _SIGNS or all(part in _WORDS for part in word.split()):
            joins += word == "JOIN"
        elif index + 1 < len(tokens) and tokens[index + 1].text == "(":
            # A function that sqlglot doesn't place goes with what it is given.
            calls += f" {word}"
        elif not PLACEHOLDER.fullmatch(word) and word != THIS.upper():
            after[last] = f"{after.get(last, '')} {word}"
    if calls:
        after[last] = after.get(last, "") + calls
    return Words(before, after, joins)


def _is_key(tokens: Sequence[Token], index: int) -> bool:
    """Whether a token is the name of a field: `{'a': 1}`."""
    if not 0 < index < len(tokens) - 1:
        return False
    return tokens[index - 1].text in ("{", ",") and tokens[index + 1].text == ":"


def all_words(tokens: Sequence[Token], spell: Callable[[str], str]) -> str:
    """Gives a text as its tokens alone, for what can't be told apart in another way."""
    return json.dumps([[token.token_type.name, spell(token.text)] for token in tokens])
