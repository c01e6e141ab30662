-- How punctual is each route, and is it getting better or worse?
with monthly as (
    select
        route_months.*,
        {{ safe_divide('punctual_arrivals', 'arrivals') }} as exact_share
    from fct_route_months as route_months
)

select
    monthly.origin_code || '-' || monthly.destination_code as route,
    monthly.flight_month,
    monthly.origin_code,
    monthly.destination_code,
    coalesce(airports.airport_name, 'not in the register') as destination_name,
    monthly.flights,
    monthly.carriers,
    monthly.cancelled,
    {{ rounded('monthly.exact_share', 4) }} as punctual_share,
    {{ rounded(safe_divide('monthly.arrival_delay_minutes', 'monthly.arrivals')) }} as mean_arrival_delay,
    monthly.arrival_delay_p90_minutes,
    {{ rounded('monthly.exact_share - lag(monthly.exact_share) over (
        partition by monthly.origin_code, monthly.destination_code order by monthly.flight_month
    )', 4) }} as punctual_share_change,
    rank() over (
        partition by monthly.flight_month
        order by monthly.exact_share desc nulls last
    ) as month_rank
from monthly
left join stg_airports as airports
    on airports.airport_code = monthly.destination_code
