-- The measures of a flight in one place. Ephemeral: it becomes a part of the queries that read it.
{{ config(materialized='ephemeral') }}

select
    *,
    {{ is_punctual('arrival_delay_minutes') }} as is_punctual,
    departure_delay_minutes - arrival_delay_minutes as recovered_minutes,
    {{ delay_band('departure_delay_minutes') }} as delay_band,
    origin_code || '-' || destination_code as route
from {{ ref('stg_flights') }}
