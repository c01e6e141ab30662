-- Which carriers keep to their timetable?
with measured as (
    select
        carrier_code,
        count(*) as flights,
        {{ share('is_cancelled') }} as cancelled_share,
        {{ punctual_share() }} as punctual_share,
        {{ mean('departure_delay_minutes') }} as mean_departure_delay,
        {{ mean('arrival_delay_minutes') }} as mean_arrival_delay,
        {{ percentile('arrival_delay_minutes', 0.5) }} as median_arrival_delay,
        {{ percentile('arrival_delay_minutes', 0.9) }} as arrival_delay_p90,
        max(arrival_delay_minutes) as longest_arrival_delay
    from int_flights_with_weather
    group by carrier_code
)

select
    measured.carrier_code,
    carriers.carrier_name,
    measured.flights,
    measured.cancelled_share,
    measured.punctual_share,
    measured.mean_departure_delay,
    measured.mean_arrival_delay,
    measured.median_arrival_delay,
    measured.arrival_delay_p90,
    measured.longest_arrival_delay,
    rank() over (order by measured.punctual_share desc) as punctual_rank
from measured
inner join stg_carriers as carriers
    on carriers.carrier_code = measured.carrier_code
