-- Each route's month. A later run makes the latest month and the one before it again.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['flight_month', 'origin_code', 'destination_code']
) }}

{% if is_incremental() -%}
with changed as (
    select coalesce(max(flight_month), date '1900-01-01') as latest_month
    from {{ this }}
)

{% endif -%}
select
    flight_month,
    origin_code,
    destination_code,
    count(*) as flights,
    count(distinct carrier_code) as carriers,
    count(*) filter (where is_cancelled) as cancelled,
    count(arrival_delay_minutes) as arrivals,
    count(*) filter (where is_punctual) as punctual_arrivals,
    {{ total('arrival_delay_minutes') }} as arrival_delay_minutes,
    {{ percentile('arrival_delay_minutes', 0.9) }} as arrival_delay_p90_minutes
from int_flights_with_weather
{% if is_incremental() -%}
where flight_month >= (select latest_month - 31 from changed)
{% endif -%}
group by flight_month, origin_code, destination_code
