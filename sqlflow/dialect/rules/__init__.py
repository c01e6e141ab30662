"""The rules that say which type an expression has, for each dialect as its engine confirmed them."""

from sqlflow.dialect.rules.rules import Context, TypeRules, load_rules
from sqlflow.dialect.rules.tokens import INTEGER_LITERAL, NULL, STRING, STRING_LITERAL, integer_literal

__all__ = [
    "INTEGER_LITERAL",
    "NULL",
    "STRING",
    "STRING_LITERAL",
    "Context",
    "TypeRules",
    "integer_literal",
    "load_rules",
]
