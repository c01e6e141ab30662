-- Every flight of the source is counted once in each of the models that should count it.
with counted as (
    select 'int_flights_with_weather' as model, count(*) as flights from {{ ref('int_flights_with_weather') }}
    {%- for model in ['fct_daily_operations', 'fct_route_months', 'carrier_delays', 'airport_hours',
                      'season_punctuality'] %}
    union all
    select '{{ model }}', sum(flights) from {{ ref(model) }}
    {%- endfor %}
)

select
    counted.model,
    counted.flights
from counted
where counted.flights is null
    or counted.flights <> (select count(*) from {{ source('raw', 'flights') }})
