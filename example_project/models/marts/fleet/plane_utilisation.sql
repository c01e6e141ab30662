-- How hard does each aircraft work?
{{ config(indexes=[{'columns': ['tail_number'], 'unique': true}]) }}

select
    activity.tail_number,
    planes.manufacturer,
    planes.plane_model,
    planes.seat_count,
    planes.year_built,
    2013 - planes.year_built as age_years,
    planes.tail_number is not null as is_registered,
    activity.flights,
    activity.routes,
    activity.active_days,
    activity.distance_miles,
    {{ minutes_to_hours('activity.air_minutes') }} as air_hours,
    {{ rounded(safe_divide('activity.flights', 'activity.active_days')) }} as flights_per_active_day,
    {{ minutes_to_hours(safe_divide('activity.air_minutes', 'activity.active_days'), 2) }}
        as air_hours_per_active_day,
    {{ rounded(safe_divide('activity.departure_delay_minutes', 'activity.flights')) }} as mean_departure_delay
from {{ ref('int_plane_activity') }} as activity
left join {{ ref('stg_planes') }} as planes
    on planes.tail_number = activity.tail_number
