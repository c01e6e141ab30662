-- Are holidays and weekends worse than working days, and in which season?
select
    calendar.season,
    calendar.day_kind,
    count(distinct calendar.flight_date) as days,
    {{ total('operations.flights') }} as flights,
    {{ rounded(safe_divide('sum(operations.flights)', 'count(distinct calendar.flight_date)'), 1) }}
        as flights_a_day,
    {{ rounded(safe_divide('sum(operations.punctual_arrivals)', 'sum(operations.arrivals)'), 4) }}
        as punctual_share,
    {{ rounded(safe_divide('sum(operations.cancelled)', 'sum(operations.flights)'), 4) }} as cancelled_share,
    {{ rounded(safe_divide('sum(operations.departure_delay_minutes)', 'sum(operations.departures)')) }}
        as mean_departure_delay
from int_calendar as calendar
inner join fct_daily_operations as operations
    on operations.flight_date = calendar.flight_date
group by calendar.season, calendar.day_kind
