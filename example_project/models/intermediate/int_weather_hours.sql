{{ config(materialized='view') }}

select
    airport_code,
    observed_at,
    wind_mph,
    visibility_miles,
    precipitation_inches,
    {{ wind_band('wind_mph') }} as wind_band,
    {{ visibility_band('visibility_miles') }} as visibility_band,
    {{ precipitation_band('precipitation_inches') }} as precipitation_band,
    {{ weather_severity('wind_mph', 'visibility_miles', 'precipitation_inches') }} as weather_severity
from stg_weather
