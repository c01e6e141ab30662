"""Breaks texts: bytes, words, brackets, templates."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

# What means something to one of the readers that a text goes through: YAML, Jinja, SQL, Python.
_WORDS = (
    b"{{", b"}}", b"{%", b"%}", b"{#", b"#}", b"{% raw %}", b"{% if x %}", b"{% endif %}",
    b"{% for i in x %}", b"{{ ref('q') }}", b"{{ this }}", b"{{ source('s', 't') }}",
    b"{{ config(materialized='table') }}", b"{{ var('x') }}", b"{{ 1/0 }}", b"{{ x.__class__ }}",
    b"{% macro m() %}", b"{% endmacro %}", b"select ", b" from ", b" where ", b" group by ", b" union all ",
    b" join ", b" using ", b" with ", b" as (", b"case when ", b" end", b" over (", b" partition by ",
    b" order by ", b" qualify ", b" pivot ", b"unnest(", b" lateral ", b" exclude ", b" replace ",
    b"columns(", b"::", b"->", b"->>", b"$$", b"$a$", b"--", b"/*", b"*/", b"'", b'"', b"`", b"(", b")",
    b"[", b"]", b"{", b"}", b",", b";", b"*", b".", b"..", b"=", b"||", b"?", b"$1", b"\\", b"\x00",
    b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n", b"\t", b"\x1b[31m",
    "\u2028".encode(), "\u202e".encode(), "é".encode(), "😀".encode(), "ﬁ".encode(), "İ".encode(), b"1e999",
    b"-1", b"0x", b"99999999999999999999999999999999999999999", b".5.", b"null", b"true", b"interval '1 x'",
    b": ", b"- ", b"&a ", b"*a", b"<<: ", b"!!python/object:x ", b"? ", b"|\n", b">\n", b"---\n",
    b"{a: {a: ", b"[[[", b"def f(", b"async ", b"return ", b"import os\n", b"@sqlflow.model(", b"lambda: ",
    b"    ", b"yield ",
)  # fmt: skip
_NAME = re.compile(rb"'[^']*'|[\w.]+")
_KEYWORDS = frozenset(
    b"select from where group by order having qualify join left on using as and or case when then else end "
    b"with union all limit over window partition in exists config ref source if endif for set macro "
    b"endmacro".split()
)
# What may stand where a name or a number stood, and often still parses.
_NAMES = (
    b"id", b"items", b"q", b"i", b"s", b"tags", b"info", b"doc", b"props", b"nope", b"null", b"''", b"'a'",
    b"-1", b"1.5", b"*", b"true", b"[]", b"[1, 'a']", b"{'a': 1}", b"map {}", b"(select 1)",
    b"(select * from items)", b"count(*)", b"sum(id) over ()", b"sum(sum(1))", b"unnest(tags)",
    b"unnest(info)", b"row(1, 2)", b"items.*", b"columns(*)", b"id, id", b"exists (select 1)",
    b"interval 1 day", b"date '2020-01-01'", b"current_date", b"lambda x: x", b"x -> x", b"$1", b"?",
    b"any (select 1)", b"grouping(id)", b"cast(id as nope)", b"id::int[3]", b"id::struct(a int)",
    b"id::decimal(99, 98)", b"array[1]", b"id is distinct from 1", b"id collate nocase",
    b"first_value(id) over (rows between 1 preceding and current row)",
    b"string_agg(name, ',' order by id)", b"count(distinct id) filter (where true)", b"try_cast(id as int)",
    b"id between 1 and 'a'", b"id at time zone 'x'",
)  # fmt: skip
_DEEP = (
    (b"(", b"1", b")"), (b"(select ", b"1", b")"), (b"[", b"1", b"]"),
    (b"case when true then ", b"1", b" end"), (b"not ", b"true", b""), (b"- ", b"1", b""),
    (b"f(", b"x", b")"), (b"{'a': ", b"1", b"}"), (b"{% if true %}", b"x", b"{% endif %}"),
    (b"{{ (", b"1", b") }}"), (b"{{ [", b"1", b"] }}"), (b"select * from (", b"select 1", b")"),
    (b"/*", b"x", b"*/"), (b"cast(", b"1", b" as int)"),
    (b"with a as (", b"select 1", b") select * from a"), (b"x in (", b"1", b")"),
    (b"coalesce(null, ", b"1", b")"), (b"", b"x", b"[1]"), (b"", b"x", b".y"), (b"", b"1", b"::int"),
    (b"1 + ", b"1", b""), (b"", b"select 1", b" union all select 1"), (b"a: {", b"b", b"}"),
    (b"- ", b"a", b""), (b"struct_pack(a := ", b"1", b")"),
)  # fmt: skip

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def deep(kind: int, depth: int) -> bytes:
    """Nests one of the forms of `DEEP_FORMS` so many levels deep."""
    before, inside, after = _DEEP[kind]
    return before * depth + inside + after * depth


DEEP_FORMS = len(_DEEP)


def _place(dice: random.Random, text: bytes) -> int:
    return dice.randint(0, len(text))


def _part(dice: random.Random, text: bytes, most: int = 400) -> tuple[int, int]:
    start = _place(dice, text)
    return start, min(len(text), start + int(most ** dice.random()))


def _truncate(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    return text[: _place(dice, text)]


def _behead(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    return text[_place(dice, text) :]


def _cut(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _part(dice, text)
    return text[:start] + text[end:]


def _double(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _part(dice, text)
    return text[:end] + text[start:end] * dice.choice((1, 1, 2, 30)) + text[end:]


def _flip(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    out = bytearray(text)
    for _ in range(min(len(out), dice.choice((1, 1, 2, 8)))):
        out[dice.randrange(len(out))] = dice.randrange(256)
    return bytes(out)


def _word(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    for _ in range(dice.choice((1, 1, 2, 5))):
        start = _place(dice, text)
        end = start if dice.random() < 0.5 else min(len(text), start + dice.randint(1, 6))
        text = text[:start] + dice.choice(_WORDS) + text[end:]
    return text


def _splice(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    other = dice.choice(others)
    start, end = _part(dice, other)
    at = _place(dice, text)
    return text[:at] + other[start:end] + text[at:]


def _swap(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    words = text.split(b" ")
    if len(words) > 1:
        one, other = dice.randrange(len(words)), dice.randrange(len(words))
        words[one], words[other] = words[other], words[one]
    return b" ".join(words)


def _rename(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    words = text.split()
    if not words:
        return text
    return text.replace(dice.choice(words), dice.choice((*words, *_WORDS)), dice.choice((1, 2, -1)))


def _names(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    for _ in range(dice.choice((1, 1, 2, 3))):
        found = [name for name in _NAME.finditer(text) if name.group().lower() not in _KEYWORDS]
        if not found:
            break
        place = dice.choice(found)
        new = dice.choice((*_NAMES, dice.choice(found).group(), dice.choice(found).group()))
        text = text[: place.start()] + new + text[place.end() :]
    return text


def _nest(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(dice, text)
    return text[:at] + deep(dice.randrange(DEEP_FORMS), int(300 ** dice.random())) + text[at:]


def _noise(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    return dice.randbytes(int(300 ** dice.random()))


_MUTATIONS: tuple[Mutation, ...] = (
    _truncate, _truncate, _behead, _cut, _cut, _double, _flip, _flip, _word, _word, _word, _splice, _splice,
    _swap, _swap, _rename, _rename, _nest, _noise,
)  # fmt: skip


def mutate(dice: random.Random, text: bytes, others: Sequence[bytes]) -> bytes:
    """Breaks a text in one to four ways; parts of the others may get into it."""
    if dice.random() < 0.5:
        # What still parses gets further than what doesn't.
        return _names(dice, text, others)
    for _ in range(dice.choice((1, 1, 1, 2, 2, 4))):
        text = dice.choice(_MUTATIONS)(dice, text, others)
    return text
