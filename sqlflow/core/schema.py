"""The types of columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# Words that are quoted where they name a field.
_WORDS = """
    abort absolute access action add admin after aggregate all also alter always analyse analyze and anti
    any approx array as asc asof assertion assignment asymmetric at attach attribute authorization backward
    before begin between bigint binary bit boolean both by cache call called cascade cascaded case cast
    catalog centuries century chain char character characteristics check checkpoint class close cluster
    coalesce collate collation column columns comment comments commit committed compression concurrently
    configuration conflict connect connection constraint constraints content continue conversion copy cost
    create cross csv cube current cursor cycle data database day days deallocate dec decade decades decimal
    declare default defaults deferrable deferred definer delete delimiter delimiters depends desc describe
    destroy detach dictionary disable discard disconnect distance distinct do document domain double drop
    each else enable encoding encrypted end enum error escape event exact except exclude excluding exclusive
    execute exists explain export export_state extension extensions external extract false family fetch
    filter first float following for force foreign forward freeze from full function functions generated
    glob global grant granted group grouping grouping_id groups handler having header hold hour hours
    identity if ignore ilike immediate immutable implicit import in include including increment index
    indexes inherit inherits initially inline inner inout input insensitive insert install instead int
    integer intersect interval into invoker is isnull isolation join json key label lambda language large
    last lateral leading leakproof left level like limit listen load local location lock locked logged macro
    map mapping match matched materialized maxvalue merge method microsecond microseconds millennia
    millennium millisecond milliseconds minute minutes minvalue mode month months move name names national
    natural nchar nearest new next no none not nothing notify notnull nowait null nullif nulls numeric
    object of off offset oids old on only operator option options or order ordinality others out outer over
    overlaps overlay overriding owned owner parallel parser partial partition partitioned passing password
    percent persistent pivot pivot_longer pivot_wider placing plans policy position positional pragma
    preceding precision prepare prepared preserve primary prior privileges procedural procedure program
    publication qualify quarter quarters quote range read real reassign recheck recursive ref references
    referencing refresh register reindex relative release rename repeatable replace replica reset resource
    resources respect restart restrict returning returns revoke right role rollback rollup row rows rule
    sample savepoint schema schemas scope scroll search second seconds secret secure security select semi
    sequence sequences serializable server session set setof sets share show similar similarity simple skip
    smallint snapshot some sorted source sql stable standalone start statement statistics stdin stdout
    storage stored strict strip struct subscription substring summarize symmetric sysid system table tables
    tablesample tablespace target temp template temporary text then ties time timestamp to trailing
    transaction transform treat trigger trim true truncate trusted try_cast tuple type types unbounded
    uncommitted unencrypted union unique unknown unlisten unlogged unpack unpivot until update use user
    using vacuum valid validate validator value values varchar variable variadic varying verbose version
    view views virtual volatile week weeks when where whitespace window with within without work wrapper
    write xml xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable year years yes zone
"""
_KEYWORDS = frozenset(_WORDS.split())
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<quoted>"(?:[^"]|"")*")|(?P<text>'(?:[^']|'')*')"""
    r"""|(?P<number>-?[0-9]+)|(?P<sign>[()\[\],]))""",
    re.ASCII,
)
# Words that continue the name of a type: DOUBLE PRECISION, CHARACTER VARYING, TIMESTAMP WITH TIME ZONE.
_CONTINUING = frozenset({"PRECISION", "VARYING", "WITH", "WITHOUT", "TIME", "ZONE", "LOCAL"})
_DEEPEST = 100


class Nullability(StrEnum):
    """Whether a column can hold a NULL."""

    NOT_NULL = "not_null"
    NULLABLE = "nullable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type by its value.

    - `name`: the upper case base name in the engine's canonical word: INTEGER, DECIMAL, LIST, ARRAY,
      STRUCT, TUPLE, MAP, ENUM, UNION, `TIMESTAMP WITH TIME ZONE`, NULL.
    - `numbers`: precision and scale of a DECIMAL, the size of an ARRAY, the value of an INTEGER_LITERAL.
    - `parts`: the fields of a STRUCT or UNION by name, those of a TUPLE by their number from 1; `item` of a
      LIST or ARRAY; `key` and `value` of a MAP.
    - `labels`: the values of an ENUM.
    """

    name: str
    numbers: tuple[int, ...] = ()
    parts: tuple[tuple[str, SqlType], ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def item(self) -> SqlType | None:
        """The type of a list's or an array's items."""
        return self.parts[0][1] if self.name in ("LIST", "ARRAY") and self.parts else None

    def part(self, name: str) -> SqlType | None:
        """Gives a field by its name, compared without case: names of fields fold."""
        folded = name.lower()
        return next((kind for field, kind in self.parts if field.lower() == folded), None)

    def __str__(self) -> str:
        match self.name:
            case "NULL":
                return '"NULL"'
            case "LIST" if self.parts:
                return f"{self.parts[0][1]}[]"
            case "ARRAY" if self.parts:
                return f"{self.parts[0][1]}[{self.numbers[0]}]"
            case "STRUCT" | "UNION":
                fields = ", ".join(f"{_field_name(name)} {kind}" for name, kind in self.parts)
                return f"{self.name}({fields})"
            case "MAP" | "TUPLE" if self.parts:
                return f"{self.name}({', '.join(str(kind) for _, kind in self.parts)})"
            case "ENUM":
                labels = ", ".join("'" + label.replace("'", "''") + "'" for label in self.labels)
                return f"ENUM({labels})"
            case _:
                return f"{self.name}({','.join(map(str, self.numbers))})" if self.numbers else self.name


def is_too_deep(kind: SqlType) -> bool:
    """Whether a type is nested more deeply than one that is read may be: Python could not write it."""
    level = [kind]
    for _ in range(_DEEPEST):
        level = [part for one in level for _, part in one.parts]
        if not level:
            return False
    return True


def list_of(item: SqlType) -> SqlType:
    """Gives the type of a list with such items."""
    return SqlType("LIST", parts=(("item", item),))


def array_of(item: SqlType, size: int) -> SqlType:
    """Gives the type of an array of a fixed size with such items."""
    return SqlType("ARRAY", (size,), (("item", item),))


def map_of(key: SqlType, value: SqlType) -> SqlType:
    """Gives the type of a map."""
    return SqlType("MAP", parts=(("key", key), ("value", value)))


def struct_of(fields: Sequence[tuple[str, SqlType]]) -> SqlType:
    """Gives the type of a struct with the fields in their order."""
    return SqlType("STRUCT", parts=tuple(fields))


def tuple_of(fields: Sequence[SqlType]) -> SqlType:
    """Gives the type of a struct whose fields have no names."""
    return SqlType("TUPLE", parts=tuple((str(i), kind) for i, kind in enumerate(fields, 1)))


def decimal_of(precision: int, scale: int) -> SqlType:
    """Gives the type of a decimal."""
    return SqlType("DECIMAL", (precision, scale))


def parse_type(text: str) -> SqlType | None:
    """Reads a type as an engine describes it, or as a user writes it in a CAST or in YAML.

    Aliases stay what they are (`int4[]` is a LIST of INT4): the dialect's rules resolve them. None where
    the text is no type.
    """
    tokens = _tokens(text)
    if tokens is None or not tokens:
        return None
    reader = _Reader(tokens)
    kind = reader.read(0)
    return kind if kind is not None and reader.at_end else None


def _field_name(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) and name.lower() not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def _tokens(text: str) -> tuple[tuple[str, str], ...] | None:
    """Gives the tokens as (kind, text), quoted ones without quotes; None where a sign is strange."""
    found: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            return None
        kind, token = match.lastgroup, match[match.lastgroup]
        if kind == "quoted":
            token = token[1:-1].replace('""', '"')
        elif kind == "text":
            token = token[1:-1].replace("''", "'")
        found.append((kind, token))
        place = match.end()
    return tuple(found)


class _Reader:
    """Reads types from tokens."""

    def __init__(self, tokens: tuple[tuple[str, str], ...]) -> None:
        self._tokens = tokens
        self._place = 0

    @property
    def at_end(self) -> bool:
        return self._place == len(self._tokens)

    def _take(self, sign: str) -> bool:
        if not self.at_end and self._tokens[self._place] == ("sign", sign):
            self._place += 1
            return True
        return False

    def _next(self, *kinds: str) -> str | None:
        if self.at_end or self._tokens[self._place][0] not in kinds:
            return None
        self._place += 1
        return self._tokens[self._place - 1][1]

    def _word_ahead(self) -> str:
        if self.at_end or self._tokens[self._place][0] != "word":
            return ""
        return self._tokens[self._place][1].upper()

    def read(self, depth: int) -> SqlType | None:
        """Reads a type with its suffixes; None where there is none, or where it is too deep."""
        first = self._next("word", "quoted")
        if first is None or _PLAIN_NAME.fullmatch(first) is None or depth > _DEEPEST:
            return None
        name = first.upper()
        name = self._continued(name)
        kind: SqlType | None = None
        if name in ("STRUCT", "UNION", "ROW", "MAP", "TUPLE", "ENUM"):
            kind = self._nested("STRUCT" if name == "ROW" else name, depth + 1)
            if kind is None:
                return None
        else:
            numbers = self._numbers()
            if numbers is None:
                return None
            kind = SqlType(self._continued(name), numbers)
        return self._suffixes(kind)

    def _continued(self, name: str) -> str:
        while self._word_ahead() in _CONTINUING:
            name += " " + self._word_ahead()
            self._place += 1
        return name

    def _numbers(self) -> tuple[int, ...] | None:
        if not self._take("("):
            return ()
        numbers: list[int] = []
        while (number := self._next("number")) is not None and len(number) < 40:
            numbers.append(int(number))
            if self._take(")"):
                return tuple(numbers)
            if not self._take(","):
                return None
        return None

    def _suffixes(self, kind: SqlType) -> SqlType | None:
        depth = 0
        while depth < _DEEPEST:
            depth += 1
            is_array = self._word_ahead() == "ARRAY"
            if is_array:
                self._place += 1
            if not self._take("["):
                if not is_array:
                    return kind
                kind = list_of(kind)
                continue
            size = self._next("number")
            if not self._take("]"):
                return None
            if size is not None and (len(size) > 9 or int(size) < 0):
                return None
            kind = list_of(kind) if size is None else array_of(kind, int(size))
        return None

    def _nested(self, name: str, depth: int) -> SqlType | None:
        if not self._take("("):
            return None
        parts: list[tuple[str, SqlType]] = []
        labels: list[str] = []
        while True:
            if name == "ENUM":
                label = self._next("text")
                if label is None:
                    return None
                labels.append(label)
            else:
                named = name in ("STRUCT", "UNION")
                field = self._next("word", "quoted") if named else str(len(parts) + 1)
                kind = self.read(depth) if field is not None else None
                if field is None or kind is None:
                    return None
                parts.append((field, kind))
            if self._take(")"):
                break
            if not self._take(","):
                return None
        if name == "MAP":
            return map_of(parts[0][1], parts[1][1]) if len(parts) == 2 else None
        return SqlType(name, parts=tuple(parts), labels=tuple(labels))
