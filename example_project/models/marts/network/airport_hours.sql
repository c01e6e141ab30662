-- When is each airport full, and what does a full hour do to delays?
with hours as (
    select
        origin_code,
        flight_date,
        scheduled_hour,
        count(*) as flights,
        count(*) filter (where is_cancelled) as cancelled,
        count(departure_delay_minutes) as departures,
        sum(departure_delay_minutes) as delay_minutes,
        count(*) filter (where departure_delay_minutes >= {{ var('punctual_minutes') }}) as late_departures
    from int_flights_with_weather
    group by origin_code, flight_date, scheduled_hour
)

select
    origin_code,
    scheduled_hour,
    count(*) as days_with_flights,
    {{ total('flights') }} as flights,
    {{ mean('flights', 1) }} as flights_a_day,
    max(flights) as busiest_day_flights,
    {{ rounded(safe_divide('sum(delay_minutes)', 'sum(departures)')) }} as mean_departure_delay,
    {{ rounded(safe_divide('sum(late_departures)', 'sum(departures)'), 4) }} as late_share,
    {{ rounded(safe_divide('sum(cancelled)', 'sum(flights)'), 4) }} as cancelled_share,
    rank() over (partition by origin_code order by sum(flights) desc) as busyness_rank
from hours
group by origin_code, scheduled_hour
