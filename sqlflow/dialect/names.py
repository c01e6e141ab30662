"""The writing of names or values into a dialect's SQL."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from string import ascii_lowercase, ascii_uppercase

from sqlflow.core.digest import short_digest
from sqlflow.core.relation import Relation
from sqlflow.core.value import Scalar
from sqlflow.dialect.spec import DialectSpec, Folding

# Engines fold the letters of ASCII alone: `É` and `é` are two names.
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_UPPER = str.maketrans(ascii_lowercase, ascii_uppercase)

_DIGEST = 12


def fold(spec: DialectSpec, name: str, quoted: bool = False) -> str:
    """Gives the name that the engine stores for an identifier as it is written, quoted or not."""
    if quoted or spec.folding is Folding.INSENSITIVE:
        return name
    return name.translate(_LOWER if spec.folding is Folding.LOWER else _UPPER)


def name_key(spec: DialectSpec, name: str) -> str:
    """Gives a key for look-ups: two stored names are one name where their keys are equal."""
    return name.translate(_LOWER) if spec.folding is Folding.INSENSITIVE else name


def lookup_key(spec: DialectSpec, name: str, quoted: bool = False) -> str:
    """Gives the key under which an identifier is looked up as it is written."""
    return name_key(spec, fold(spec, name, quoted))


def same_name(spec: DialectSpec, left: str, right: str) -> bool:
    """Says whether two names, as the engine stores them, mean one thing to it."""
    return name_key(spec, left) == name_key(spec, right)


def quote(spec: DialectSpec, name: str) -> str:
    """Writes a name as a quoted identifier; raises ValueError on one that no identifier can hold."""
    if not name:
        raise ValueError("an identifier can't be empty")
    _check_text(name, "an identifier")
    return f"{spec.quote}{name.replace(spec.quote, spec.quote * 2)}{spec.quote}"


def new_rows(spec: DialectSpec, relation: Relation) -> Relation:
    """Names the temporary table of a relation's new rows, which lies in a schema of its own."""
    return Relation(None, None, shorten(spec, relation.identifier, "__sqlflow_batch"))


def relation_sql(spec: DialectSpec, relation: Relation) -> str:
    """Writes the name of a table or view, each part quoted."""
    schema = relation.schema
    if relation.database is not None and schema is None:
        # Two parts would be read as schema and table.
        schema = spec.default_schema
    return ".".join(
        quote(spec, part) for part in (relation.database, schema, relation.identifier) if part is not None
    )


def read_relation(spec: DialectSpec, text: str) -> Relation:
    """Reads back what `relation_sql` wrote; raises ValueError on anything else."""
    mark = re.escape(spec.quote)
    found = re.findall(rf"{mark}((?:[^{mark}]|{mark}{mark})+){mark}(?:\.|\Z)", text)
    parts = [part.replace(spec.quote * 2, spec.quote) for part in found]
    if not 1 <= len(parts) <= 3 or ".".join(quote(spec, part) for part in parts) != text:
        raise ValueError(f"{text!r} is no name of a table or view")
    rest = [None, None, *parts[:-1]]
    return Relation(rest[-2], rest[-1], parts[-1])


def literal(spec: DialectSpec, value: Scalar | Decimal) -> str:
    """Writes a value as a literal of the dialect.

    A time with a zone is written in UTC. Raises ValueError on text that no literal can hold: with a NUL,
    or with half of a surrogate pair.
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            if math.isfinite(value):
                return repr(value)
            return f"CAST('{_not_finite(value)}' AS DOUBLE PRECISION)"
        case Decimal():
            if value.is_finite():
                return format(value, "f")
            return f"CAST('{_not_finite(float(value))}' AS DOUBLE PRECISION)"
        case str():
            return _text(spec, value)
        case datetime():
            if value.tzinfo is None:
                return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
            return f"TIMESTAMP WITH TIME ZONE '{value.astimezone(UTC).isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"


def shorten(spec: DialectSpec, name: str, suffix: str = "") -> str:
    """Gives `name` with `suffix`, cut to what an identifier can hold.

    A name that is cut keeps its head and gets twelve digits of its digest, so that two long names stay two.
    Raises ValueError where the suffix leaves no room for that.
    """
    whole = name + suffix
    if len(whole.encode()) <= spec.max_identifier:
        return whole
    tail = f"_{short_digest(name, _DIGEST)}{suffix}"
    room = spec.max_identifier - len(tail.encode())
    if room < 1:
        raise ValueError(f"the suffix {suffix!r} is too long for a name of {spec.max_identifier} bytes")
    return name.encode()[:room].decode(errors="ignore") + tail


def _text(spec: DialectSpec, value: str) -> str:
    """Writes text between single quotes."""
    _check_text(value, "a text literal")
    if spec.backslash_escapes:
        value = value.replace("\\", "\\\\")
    return "'" + value.replace("'", "''") + "'"


def _check_text(value: str, what: str) -> None:
    """Raises ValueError on text that can't be sent to an engine."""
    if "\0" in value:
        raise ValueError(f"{what} can't hold a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} can't hold half of a surrogate pair") from None


def _not_finite(value: float) -> str:
    """Spells a number that has no digits."""
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
