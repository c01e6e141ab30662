-- No flight is faster than a jet, and no aircraft is in the air for more than a day in a day.
select 'flight' as what, flight_id as which
from int_flights_with_weather
where distance_miles > 800 * air_minutes / 60.0
union all
select 'plane', tail_number
from plane_utilisation
where air_hours_per_active_day > 24
