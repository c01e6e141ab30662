-- Each airport's day in sums that can be added up further. A later run looks at the last days again.
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['flight_date', 'origin_code'],
    on_schema_change='append_new_columns',
    indexes=[{'columns': ['flight_date']}]
) }}

select
    flight_date,
    origin_code,
    count(*) as flights,
    count(*) filter (where is_cancelled) as cancelled,
    count(*) filter (where is_diverted) as diverted,
    count(departure_delay_minutes) as departures,
    count(arrival_delay_minutes) as arrivals,
    count(*) filter (where is_punctual) as punctual_arrivals,
    {{ total('departure_delay_minutes') }} as departure_delay_minutes,
    {{ total('arrival_delay_minutes') }} as arrival_delay_minutes,
    {{ total('air_minutes') }} as air_minutes
from {{ ref('int_flights_measured') }}
{% if is_incremental() -%}
where flight_date >= (
    select coalesce(max(latest.flight_date), date '1900-01-01') - {{ var('lookback_days') }}
    from {{ this }} as latest
)
{% endif -%}
group by flight_date, origin_code
