{% macro wind_band(miles_per_hour) -%}
case
    when {{ miles_per_hour }} is null then 'unknown'
    when {{ miles_per_hour }} < 8 then 'light (under 8 mph)'
    when {{ miles_per_hour }} < 15 then 'moderate (8 to 15 mph)'
    when {{ miles_per_hour }} < 25 then 'fresh (15 to 25 mph)'
    else 'strong (25 mph or more)'
end
{%- endmacro %}

{% macro visibility_band(miles) -%}
case
    when {{ miles }} is null then 'unknown'
    when {{ miles }} < 1 then 'fog (under 1 mile)'
    when {{ miles }} < 3 then 'poor (1 to 3 miles)'
    when {{ miles }} < 10 then 'fair (3 to 10 miles)'
    else 'clear (10 miles)'
end
{%- endmacro %}

{% macro precipitation_band(inches) -%}
case
    when {{ inches }} is null then 'unknown'
    when {{ inches }} = 0 then 'dry'
    when {{ inches }} < 0.1 then 'light (under 0.1 inches an hour)'
    else 'heavy (0.1 inches an hour or more)'
end
{%- endmacro %}

{# How hard the weather makes flying, the worst of wind, visibility and precipitation. #}
{% macro weather_severity(wind, visibility, precipitation) -%}
case
    when {{ wind }} is null and {{ visibility }} is null and {{ precipitation }} is null then 'unknown'
    when {{ wind }} >= 25 or {{ visibility }} < 1 or {{ precipitation }} >= 0.1 then 'severe'
    when {{ wind }} >= 15 or {{ visibility }} < 3 or {{ precipitation }} > 0 then 'marginal'
    else 'good'
end
{%- endmacro %}
