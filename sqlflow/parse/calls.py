"""Finds the calls in a query that decide whether it gives the same rows again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from sqlflow.dialect.spec import DialectSpec

_QUOTED = frozenset({TokenType.IDENTIFIER, TokenType.STRING})


def volatile_calls(tree: exp.Expr, tokens: Sequence[Token], spec: DialectSpec) -> tuple[str, ...]:
    """Gives the volatile functions and words of a query, in lower case, each once; `sample` for a sample.

    It looks at words, not at the tree: sqlglot has one node for several functions. A column that has the
    name of a function is none, as no bracket follows it.
    """
    found: dict[str, None] = {}
    for index, token in enumerate(tokens):
        if token.token_type in _QUOTED:
            continue
        name = token.text.lower()
        if name in spec.volatile_words:
            found[name] = None
        after = tokens[index + 1].token_type if index + 1 < len(tokens) else None
        if name in spec.volatile_functions and after is TokenType.L_PAREN:
            found[name] = None
    if tree.find(exp.TableSample) is not None:
        found["sample"] = None
    return tuple(found)


def unknown_calls(tree: exp.Expr) -> tuple[str, ...]:
    """Gives the functions that sqlglot has no node of its own for, in lower case, sorted."""
    return tuple(sorted({str(call.this).lower() for call in tree.find_all(exp.Anonymous)}))
