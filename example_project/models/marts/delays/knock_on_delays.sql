-- When an aircraft leaves late, how late is its next departure from New York on the same day?
with departures as (
    select
        delay_band,
        departure_delay_minutes,
        lag(delay_band) over turns as previous_delay_band,
        lag(departure_delay_minutes) over turns as previous_delay_minutes
    from {{ ref('int_flights_with_weather') }}
    where tail_number is not null
        and not is_cancelled
    window turns as (
        partition by tail_number, flight_date
        order by scheduled_departure, flight_id
    )
)

select
    previous_delay_band,
    count(*) as following_flights,
    {{ mean('previous_delay_minutes') }} as mean_previous_delay,
    {{ mean('departure_delay_minutes') }} as mean_next_delay,
    {{ share('departure_delay_minutes >= ' ~ var('punctual_minutes')) }} as next_late_share
from departures
where previous_delay_band is not null
group by previous_delay_band
