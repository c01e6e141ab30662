"""What differs between the SQL of warehouses, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Folding(StrEnum):
    """What becomes of an identifier that is not quoted, and so which names are the same name.

    `LOWER` and `UPPER` fold unquoted names and keep quoted ones as they are; `INSENSITIVE` keeps the
    spelling of both and compares both without case.
    """

    LOWER = "lower"
    UPPER = "upper"
    INSENSITIVE = "insensitive"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectSpec:
    """One dialect. `name` is sqlglot's name for it.

    - `max_identifier`: the longest name, in bytes of UTF-8.
    - `transactions`: statements, those that make tables among them, can be done together or not at all; where
      False, new contents are made in a table of their own, which a view then shows.
    - `create_or_replace_table`: CREATE OR REPLACE TABLE ... AS is there and atomic.
    - `views_bind_by_name`: a view reads whatever now has the name that it was written with; where False,
      it goes on reading the object that had the name when it was made, renamed or not.
    - `replace_view_keeps_columns`: CREATE OR REPLACE VIEW may only add columns at the end.
    - `renames_indexed_tables`: a table with an index can be renamed.
    - `schema_ddl_is_serial`: two sessions that create one schema at once conflict.
    - `privileges`: what can be granted on a table or a view; empty where the engine has no grants.
    - `comments`: tables, views and columns can have comments.
    - `backslash_escapes`: a backslash in a text literal escapes what follows it.
    - `max_decimal_precision`: the most digits that a decimal column can have.
    - `system_schemas`: schemas that the engine has by itself; a project reads them without declaring them.
    - `set_functions`: functions that give several rows where they stand in a SELECT's list.
    - `volatile_functions`: functions that may give something else each time though their arguments are the
      same, or that read what is no table of the project: the clock, random numbers, sequences, files.
    - `stable_functions`: those of them, and other names, that give one thing all through a statement.
    - `volatile_words`: words that do so without brackets.
    - `widenings`: names of types, narrow to wide: each holds all values of those before it.
    - `without_equality`: types whose values can't be compared by `=`.
    - `file_readers`: suffix of a file to the table function that reads such a file in place.
    - `ibis_dialect`: ibis' name for it; empty where ibis writes no such SQL.
    - `embedded`: the engine runs inside this process, on a file of this machine.
    - `clock`: the server's time as an expression, in seconds since 1970 and as it is when the expression is
      computed, not when its transaction began; empty where one process holds the warehouse alone.
    - `sees_commits`: within a transaction, each query sees what others have committed before it began; where
      False, it sees the tables as they were when its transaction began.
    - `row_hash`: a number of 64 bits that equal rows have in common, as an expression in which `{columns}`
      stands for their columns; empty where the engine has no such function.
    - `url_schemes`: what the URL of a server of this kind begins with.
    - `arrow_types`: kind of Arrow type to column type, a format string whose fields
      `sqlflow.dialect.arrow` fills in; the kinds are listed there.
    """

    name: str
    folding: Folding
    quote: str = '"'
    max_identifier: int = 63
    transactions: bool = True
    create_or_replace_table: bool = False
    views_bind_by_name: bool = False
    replace_view_keeps_columns: bool = False
    renames_indexed_tables: bool = True
    indexes: bool = True
    schema_ddl_is_serial: bool = False
    merge: bool = True
    comments: bool = False
    privileges: frozenset[str] = frozenset()
    backslash_escapes: bool = False
    max_decimal_precision: int = 38
    system_schemas: tuple[str, ...] = ("information_schema",)
    set_functions: frozenset[str] = frozenset()
    volatile_functions: frozenset[str] = frozenset()
    stable_functions: frozenset[str] = frozenset()
    volatile_words: frozenset[str] = frozenset()
    widenings: tuple[tuple[str, ...], ...] = ()
    without_equality: frozenset[str] = frozenset()
    file_readers: Mapping[str, str] = field(default_factory=dict)
    arrow_types: Mapping[str, str] = field(default_factory=dict)
    default_schema: str = "main"
    ibis_dialect: str = ""
    embedded: bool = False
    clock: str = ""
    sees_commits: bool = False
    row_hash: str = ""
    url_schemes: tuple[str, ...] = ()
