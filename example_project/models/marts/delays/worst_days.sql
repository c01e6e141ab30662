-- On which days did most go wrong, and what was the weather like?
with days as (
    select
        flight_date,
        sum(flights) as flights,
        sum(cancelled) as cancelled,
        sum(departures) as departures,
        sum(departure_delay_minutes) as delay_minutes
    from fct_daily_operations
    group by flight_date
),

weather as (
    select
        weather_date,
        max(wind_mph) as strongest_wind_mph,
        min(visibility_miles) as lowest_visibility_miles,
        max(precipitation_inches) as heaviest_precipitation_inches
    from {{ ref('stg_weather') }}
    group by weather_date
),

ranked as (
    select
        days.*,
        row_number() over (
            order by {{ safe_divide('delay_minutes', 'departures') }} desc nulls last, flight_date
        ) as day_rank
    from days
)

select
    cast(ranked.day_rank as integer) as day_rank,
    ranked.flight_date,
    calendar.weekday,
    calendar.nearest_holiday,
    calendar.days_to_holiday,
    cast(ranked.flights as bigint) as flights,
    cast(ranked.cancelled as bigint) as cancelled,
    {{ rounded(safe_divide('ranked.cancelled', 'ranked.flights'), 4) }} as cancelled_share,
    {{ rounded(safe_divide('ranked.delay_minutes', 'ranked.departures')) }} as mean_departure_delay,
    {{ minutes_to_hours('ranked.delay_minutes') }} as delay_hours,
    {{ rounded('weather.strongest_wind_mph', 1) }} as strongest_wind_mph,
    weather.lowest_visibility_miles,
    weather.heaviest_precipitation_inches
from ranked
inner join int_calendar as calendar
    on calendar.flight_date = ranked.flight_date
left join weather
    on weather.weather_date = ranked.flight_date
where ranked.day_rank <= {{ var('worst_days') }}
