{% set keys = {
    'fct_daily_operations': ['flight_date', 'origin_code'],
    'fct_route_months': ['flight_month', 'origin_code', 'destination_code'],
} %}
{% for model, columns in keys.items() %}
select
    '{{ model }}' as model,
    {{ columns[0] }} as first_key,
    count(*) as occurrences
from {{ ref(model) }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% if not loop.last %}union all{% endif %}
{% endfor %}
