-- How much do wind, visibility and precipitation cost?
{% set measures = {
    'wind': 'wind_mph',
    'visibility': 'visibility_miles',
    'precipitation': 'precipitation_inches',
} %}
with bands as (
    {% for condition, measure in measures.items() -%}
    select
        '{{ condition }}' as weather_condition,
        {{ condition }}_band as band,
        min({{ measure }}) as lowest_value,
        count(*) as flights,
        {{ share('is_cancelled') }} as cancelled_share,
        {{ punctual_share() }} as punctual_share,
        {{ mean('departure_delay_minutes') }} as mean_departure_delay,
        {{ percentile('departure_delay_minutes', 0.9) }} as departure_delay_p90
    from {{ ref('int_flights_with_weather') }}
    group by {{ condition }}_band
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    weather_condition,
    band,
    row_number() over (partition by weather_condition order by lowest_value nulls last) as band_order,
    flights,
    cancelled_share,
    punctual_share,
    mean_departure_delay,
    departure_delay_p90
from bands
