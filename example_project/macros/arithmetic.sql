{# Rounds halves up. Written out, since ROUND breaks ties differently from engine to engine. #}
{% macro rounded(expression, digits=2) -%}
floor(({{ expression }}) * 1e{{ digits }} + 0.5) / 1e{{ digits }}
{%- endmacro %}

{# A quotient that is a fraction also for whole numbers, and NULL where the divisor is 0. #}
{% macro safe_divide(dividend, divisor) -%}
cast({{ dividend }} as double precision) / nullif({{ divisor }}, 0)
{%- endmacro %}

{# A sum of whole numbers, of one type on every engine. #}
{% macro total(expression) -%}
cast(coalesce(sum({{ expression }}), 0) as bigint)
{%- endmacro %}

{# The mean of whole numbers over the rows that have one. #}
{% macro mean(expression, digits=2) -%}
{{ rounded(safe_divide('sum(' ~ expression ~ ')', 'count(' ~ expression ~ ')'), digits) }}
{%- endmacro %}

{# The share of the rows of a group that meet a condition, among those that meet another. #}
{% macro share(condition, among='true', digits=4) -%}
{{ rounded(
    safe_divide(
        'count(*) filter (where (' ~ among ~ ') and (' ~ condition ~ '))',
        'count(*) filter (where ' ~ among ~ ')'
    ),
    digits
) }}
{%- endmacro %}

{% macro percentile(expression, fraction) -%}
{{ rounded(
    'percentile_cont(' ~ fraction ~ ') within group (order by cast(' ~ expression ~ ' as double precision))'
) }}
{%- endmacro %}

{% macro minutes_to_hours(minutes, digits=1) -%}
{{ rounded(safe_divide(minutes, 60), digits) }}
{%- endmacro %}
