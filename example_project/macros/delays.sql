{# Whether a flight counts as punctual; NULL where it has no arrival. #}
{% macro is_punctual(arrival_delay) -%}
{{ arrival_delay }} < {{ var('punctual_minutes') }}
{%- endmacro %}

{# The share of punctual flights among those that arrived. #}
{% macro punctual_share(arrival_delay='arrival_delay_minutes') -%}
{{ share(is_punctual(arrival_delay), among=arrival_delay ~ ' is not null') }}
{%- endmacro %}

{# The band that a delay lies in, by the bounds in var('delay_bands'). #}
{% macro delay_band(minutes) -%}
case
    when {{ minutes }} is null then 'not flown'
    when {{ minutes }} <= 0 then 'none'
    {%- set lower = namespace(minutes=1) %}
    {%- for bound in var('delay_bands') %}
    when {{ minutes }} < {{ bound }} then '{{ lower.minutes }} to {{ bound - 1 }} minutes'
    {%- set lower.minutes = bound %}
    {%- endfor %}
    else '{{ lower.minutes }} minutes or more'
end
{%- endmacro %}
