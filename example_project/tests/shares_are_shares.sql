{% set shares = [
    ('carrier_delays', 'cancelled_share'), ('carrier_delays', 'punctual_share'),
    ('delay_distribution', 'flight_share'), ('delay_recovery', 'recovering_share'),
    ('delay_recovery', 'made_good_share'), ('knock_on_delays', 'next_late_share'),
    ('airport_hours', 'late_share'), ('route_carriers', 'punctual_share'),
    ('weather_delays', 'cancelled_share'), ('weather_delays', 'punctual_share'),
] %}
{% for model, column in shares %}
select '{{ model }}.{{ column }}' as measure, {{ column }} as outside
from {{ ref(model) }}
where {{ column }} not between 0 and 1
{% if not loop.last %}union all{% endif %}
{% endfor %}
