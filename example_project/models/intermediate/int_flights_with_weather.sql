-- Each flight with the weather at its airport in the hour that it should have left in.
{{ config(indexes=[{'columns': ['flight_date']}, {'columns': ['flight_id'], 'unique': true}]) }}

select
    f.flight_id,
    f.flight_date,
    f.flight_month,
    f.carrier_code,
    f.tail_number,
    f.origin_code,
    f.destination_code,
    f.route,
    f.scheduled_hour,
    f.scheduled_departure,
    f.departure_delay_minutes,
    f.arrival_delay_minutes,
    f.recovered_minutes,
    f.delay_band,
    f.is_punctual,
    f.is_cancelled,
    f.is_diverted,
    f.air_minutes,
    f.distance_miles,
    w.wind_mph,
    w.visibility_miles,
    w.precipitation_inches,
    coalesce(w.wind_band, 'unknown') as wind_band,
    coalesce(w.visibility_band, 'unknown') as visibility_band,
    coalesce(w.precipitation_band, 'unknown') as precipitation_band,
    coalesce(w.weather_severity, 'unknown') as weather_severity
from {{ ref('int_flights_measured') }} as f
left join {{ ref('int_weather_hours') }} as w
    on w.airport_code = f.origin_code
    and w.observed_at = f.scheduled_at
