-- Do old aircraft fly less, or later?
with aged as (
    select
        *,
        case
            when age_years is null then 'unknown'
            when age_years < 5 then 'under 5 years'
            when age_years < 10 then '5 to 9 years'
            when age_years < 15 then '10 to 14 years'
            when age_years < 20 then '15 to 19 years'
            else '20 years or more'
        end as age_band
    from plane_utilisation
)

select
    aged.age_band,
    count(*) as planes,
    {{ total('activity.flights') }} as flights,
    {{ mean('activity.flights', 1) }} as flights_per_plane,
    {{ mean('activity.routes', 1) }} as routes_per_plane,
    {{ minutes_to_hours('sum(activity.air_minutes)') }} as air_hours,
    {{ minutes_to_hours(safe_divide('sum(activity.air_minutes)', 'count(*)')) }} as air_hours_per_plane,
    {{ rounded(safe_divide('sum(activity.departure_delay_minutes)', 'sum(activity.flights)')) }}
        as mean_departure_delay,
    {{ mean('aged.seat_count', 1) }} as mean_seats
from aged
inner join int_plane_activity as activity
    on activity.tail_number = aged.tail_number
group by aged.age_band
