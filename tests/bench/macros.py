"""The macros of a generated project."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

ARITHMETIC = """\
{# A quotient, NULL where the divisor is 0. #}
{% macro safe_divide(dividend, divisor) -%}
cast({{ dividend }} as double precision) / nullif(cast({{ divisor }} as double precision), 0)
{%- endmacro %}

{% macro rounded(expression, digits=2) -%}
cast(round(cast({{ expression }} as numeric(24, 6)), {{ digits }}) as numeric(18, {{ digits }}))
{%- endmacro %}

{% macro share(part, whole, digits=4) -%}
cast({{ rounded(safe_divide(part, whole), digits) }} as double precision)
{%- endmacro %}

{% macro total(expression) -%}
cast(coalesce(sum({{ expression }}), 0) as bigint)
{%- endmacro %}

{% macro total_amount(expression) -%}
{{ rounded('coalesce(sum(' ~ expression ~ '), 0)') }}
{%- endmacro %}

{% macro mean(expression) -%}
cast({{ rounded('avg(' ~ expression ~ ')') }} as double precision)
{%- endmacro %}

{% macro from_cents(column) -%}
cast(coalesce({{ column }}, 0) / 100.0 as numeric(18, 2))
{%- endmacro %}
"""

DATES = """\
{% macro month_of(column) -%}
cast(date_trunc('month', {{ column }}) as date)
{%- endmacro %}

{% macro quarter_of(column) -%}
cast(date_trunc('quarter', {{ column }}) as date)
{%- endmacro %}

{% macro days_between(first, last) -%}
cast(cast({{ last }} as date) - cast({{ first }} as date) as bigint)
{%- endmacro %}

{% macro is_weekend(column) -%}
(extract(dow from {{ column }}) in (0, 6))
{%- endmacro %}

{% macro on_or_after_start(column) -%}
{{ column }} >= date '{{ var("start_date") }}'
{%- endmacro %}

{% macro season(column) -%}
case
    when extract(month from {{ column }}) in (12, 1, 2) then 'winter'
    when extract(month from {{ column }}) in (3, 4, 5) then 'spring'
    when extract(month from {{ column }}) in (6, 7, 8) then 'summer'
    else 'autumn'
end
{%- endmacro %}
"""

TEXTS = """\
{% macro clean(column) -%}
nullif(lower(trim({{ column }})), '')
{%- endmacro %}

{% macro yes_no(column) -%}
(upper(trim({{ column }})) = 'Y')
{%- endmacro %}

{# A key of several columns. #}
{% macro surrogate_key(columns) -%}
md5(
    {%- for column in columns -%}
    coalesce(cast({{ column }} as varchar), '?'){{ " || '-' || " if not loop.last }}
    {%- endfor -%}
)
{%- endmacro %}

{% macro count_by_value(column, values) -%}
{% for value in values -%}
count(*) filter (where {{ column }} = '{{ value }}') as {{ value }}_rows{{ ",\\n    " if not loop.last }}
{%- endfor %}
{%- endmacro %}

{% macro latest_first(key, order, tie) -%}
row_number() over (partition by {{ key }} order by {{ order }} desc, {{ tie }})
{%- endmacro %}

{% macro running_total(expression, key, order, tie) -%}
sum({{ expression }}) over (
    partition by {{ key }} order by {{ order }}, {{ tie }} rows between unbounded preceding and current row
)
{%- endmacro %}
"""

BASE_FILES = {"arithmetic": ARITHMETIC, "dates": DATES, "texts": TEXTS}
BASE_COUNT = sum(text.count("{% macro ") for text in BASE_FILES.values())


class Band(NamedTuple):
    """A macro that puts a number into one of a few named bands."""

    name: str
    labels: tuple[str, ...]


_THEMES = ("value", "volume", "risk", "effort", "reach", "tempo", "margin", "load")
_SCALES = (
    ("none", "low", "medium", "high"),
    ("none", "bronze", "silver", "gold"),
    ("none", "small", "middling", "large", "huge"),
    ("none", "cold", "warm", "hot"),
)
_PER_FILE = 12


def bands(count: int, random: Random) -> tuple[tuple[Band, ...], dict[str, str]]:
    """Makes `count` band macros, and the files that hold them, by name."""
    made: list[Band] = []
    texts: dict[str, list[str]] = {}
    for number in range(count):
        theme, scale = _THEMES[number % len(_THEMES)], random.choice(_SCALES)
        name = f"{theme}_band_{number // len(_THEMES) + 1}"
        made.append(Band(name, scale))
        text = _by_list(name, scale, random) if random.random() < 0.4 else _by_case(name, scale, random)
        texts.setdefault(f"bands_{number // _PER_FILE + 1}", []).append(text)
    return tuple(made), {name: "\n".join(parts) for name, parts in texts.items()}


def _bounds(count: int, random: Random) -> list[int]:
    bounds = [random.randint(2, 20)]
    while len(bounds) < count:
        bounds.append(bounds[-1] * random.randint(2, 9))
    return bounds


def _by_case(name: str, labels: tuple[str, ...], random: Random) -> str:
    bounds = _bounds(len(labels) - 2, random)
    cases = "\n".join(
        f"    when {{{{ column }}}} < {bound} then '{label}'"
        for bound, label in zip(bounds, labels[1:-1], strict=True)
    )
    return (
        f"{{% macro {name}(column) -%}}\ncase\n"
        f"    when {{{{ column }}}} is null or {{{{ column }}}} <= 0 then '{labels[0]}'\n"
        f"{cases}\n    else '{labels[-1]}'\nend\n{{%- endmacro %}}\n"
    )


def _by_list(name: str, labels: tuple[str, ...], random: Random) -> str:
    pairs = list(zip(_bounds(len(labels) - 2, random), labels[1:-1], strict=True))
    return (
        f"{{% macro {name}(column) -%}}\n{{% set bands = {pairs!r} -%}}\ncase\n"
        f"    when coalesce({{{{ column }}}}, 0) <= 0 then '{labels[0]}'\n"
        "    {%- for bound, label in bands %}\n"
        "    when {{ column }} < {{ bound }} then '{{ label }}'\n"
        "    {%- endfor %}\n"
        f"    else '{labels[-1]}'\nend\n{{%- endmacro %}}\n"
    )
