-- One row a flight that left New York or should have left, in words instead of abbreviations.
with flights as (
    select
        *,
        make_date(year, month, day) as flight_date
    from {{ source('raw', 'flights') }}
)

select
    cast(flight_date as varchar) || ' ' || lpad(cast(hour as varchar), 2, '0') || 'h '
        || carrier || ' ' || cast(flight as varchar) as flight_id,
    flight_date,
    {{ month_of('flight_date') }} as flight_month,
    carrier as carrier_code,
    flight as flight_number,
    tailnum as tail_number,
    origin as origin_code,
    dest as destination_code,
    hour as scheduled_hour,
    sched_dep_time as scheduled_departure,
    time_hour as scheduled_at,
    dep_delay as departure_delay_minutes,
    arr_delay as arrival_delay_minutes,
    air_time as air_minutes,
    distance as distance_miles,
    dep_time is null as is_cancelled,
    dep_time is not null and arr_delay is null as is_diverted
from flights
