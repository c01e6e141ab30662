-- One row an airport's hour. A broken anemometer reported 1,048 mph once: that is no wind, but a gap.
select
    origin as airport_code,
    make_date(year, month, day) as weather_date,
    time_hour as observed_at,
    temp as temperature_fahrenheit,
    humid as humidity_percent,
    case when wind_speed < 150 then wind_speed end as wind_mph,
    case when wind_gust < 150 then wind_gust end as gust_mph,
    precip as precipitation_inches,
    pressure as pressure_millibars,
    visib as visibility_miles
from raw.weather
