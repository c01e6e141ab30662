-- Which carriers cancel when the weather turns, and how much more than in good weather?
with counted as (
    select
        carrier_code,
        weather_severity,
        count(*) as flights,
        count(*) filter (where is_cancelled) as cancelled
    from int_flights_with_weather
    where weather_severity <> 'unknown'
    group by carrier_code, weather_severity
),

good as (
    select
        carrier_code,
        {{ safe_divide('cancelled', 'flights') }} as good_share
    from counted
    where weather_severity = 'good'
)

select
    counted.carrier_code,
    carriers.carrier_name,
    counted.weather_severity,
    counted.flights,
    counted.cancelled,
    {{ rounded(safe_divide('counted.cancelled', 'counted.flights'), 4) }} as cancelled_share,
    {{ rounded(safe_divide('counted.cancelled', 'counted.flights') ~ ' / nullif(good.good_share, 0)') }}
        as times_good_weather
from counted
inner join {{ ref('stg_carriers') }} as carriers
    on carriers.carrier_code = counted.carrier_code
left join good
    on good.carrier_code = counted.carrier_code
