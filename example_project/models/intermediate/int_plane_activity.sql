-- What each aircraft did, as far as its flights left New York.
select
    tail_number,
    count(*) as flights,
    {{ total('air_minutes') }} as air_minutes,
    {{ total('distance_miles') }} as distance_miles,
    count(distinct route) as routes,
    count(distinct flight_date) as active_days,
    min(flight_date) as first_flight_date,
    max(flight_date) as last_flight_date,
    {{ total('departure_delay_minutes') }} as departure_delay_minutes
from int_flights_measured
where tail_number is not null
    and not is_cancelled
group by tail_number
