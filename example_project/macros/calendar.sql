{# The first day of the month of a date. #}
{% macro month_of(date) -%}
cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}

{# The English name of a date's weekday; engines format dates each in a way of its own. #}
{% macro weekday_name(date) -%}
{% if target.type == 'postgres' -%}
to_char({{ date }}, 'FMDay')
{%- else -%}
strftime({{ date }}, '%A')
{%- endif %}
{%- endmacro %}

{% macro season(date) -%}
case
    when extract(month from {{ date }}) in (12, 1, 2) then 'winter'
    when extract(month from {{ date }}) in (3, 4, 5) then 'spring'
    when extract(month from {{ date }}) in (6, 7, 8) then 'summer'
    else 'autumn'
end
{%- endmacro %}
