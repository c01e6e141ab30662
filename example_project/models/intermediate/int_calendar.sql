-- The days of the year, each with the public holiday that is nearest to it.
with days as (
    select distinct flight_date
    from stg_flights
),

distances as (
    select
        days.flight_date,
        holidays.holiday_name,
        cast(abs(days.flight_date - holidays.holiday_date) as integer) as days_to_holiday,
        row_number() over (
            partition by days.flight_date
            order by abs(days.flight_date - holidays.holiday_date), holidays.holiday_date
        ) as nearness
    from days
    cross join {{ ref('holidays') }} as holidays
)

select
    flight_date,
    {{ month_of('flight_date') }} as flight_month,
    {{ weekday_name('flight_date') }} as weekday,
    {{ season('flight_date') }} as season,
    holiday_name as nearest_holiday,
    days_to_holiday,
    case
        when days_to_holiday <= 2 then 'holiday'
        when extract(isodow from flight_date) >= 6 then 'weekend'
        else 'working day'
    end as day_kind
from distances
where nearness = 1
