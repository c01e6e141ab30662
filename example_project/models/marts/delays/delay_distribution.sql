-- How are each carrier's departure delays spread?
select
    carrier_code,
    delay_band,
    count(*) as flights,
    {{ rounded(safe_divide('count(*)', 'sum(count(*)) over (partition by carrier_code)'), 4) }} as flight_share
from {{ ref('int_flights_with_weather') }}
group by carrier_code, delay_band
