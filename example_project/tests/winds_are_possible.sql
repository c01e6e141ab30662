select *
from stg_weather
where wind_mph not between 0 and 150
    or visibility_miles not between 0 and 10
    or precipitation_inches < 0
