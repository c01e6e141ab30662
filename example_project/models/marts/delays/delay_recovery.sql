-- Does a flight that leaves late make up time in the air? By carrier, and by how far it flies.
with late as (
    select
        carrier_code,
        departure_delay_minutes,
        recovered_minutes,
        air_minutes,
        case
            when distance_miles < 500 then 'short (under 500 miles)'
            when distance_miles < 1500 then 'medium (500 to 1500 miles)'
            else 'long (1500 miles or more)'
        end as distance_band
    from int_flights_with_weather
    where departure_delay_minutes > 0
        and recovered_minutes is not null
)

select
    carrier_code,
    distance_band,
    count(*) as late_flights,
    {{ mean('departure_delay_minutes') }} as mean_departure_delay,
    {{ mean('recovered_minutes') }} as mean_recovered_minutes,
    {{ share('recovered_minutes > 0') }} as recovering_share,
    {{ share('recovered_minutes >= departure_delay_minutes') }} as made_good_share,
    {{ rounded(safe_divide('60.0 * sum(recovered_minutes)', 'sum(air_minutes)')) }} as recovered_minutes_an_hour
from late
group by carrier_code, distance_band
