-- Where several carriers fly a route, which of them is the most punctual?
with counted as (
    select
        route,
        carrier_code,
        count(*) as flights,
        {{ safe_divide('count(*) filter (where is_punctual)', 'count(arrival_delay_minutes)') }} as exact_share,
        {{ mean('arrival_delay_minutes') }} as mean_arrival_delay
    from {{ ref('int_flights_with_weather') }}
    group by route, carrier_code
    having count(*) >= {{ var('minimum_flights') }}
)

select
    counted.route,
    counted.carrier_code,
    carriers.carrier_name,
    counted.flights,
    {{ rounded('counted.exact_share', 4) }} as punctual_share,
    counted.mean_arrival_delay,
    count(*) over (partition by counted.route) as carriers_on_route,
    row_number() over (
        partition by counted.route
        order by counted.exact_share desc nulls last, counted.flights desc, counted.carrier_code
    ) as punctual_rank,
    {{ rounded('counted.exact_share - max(counted.exact_share) over (partition by counted.route)', 4) }}
        as behind_best
from counted
inner join {{ ref('stg_carriers') }} as carriers
    on carriers.carrier_code = counted.carrier_code
