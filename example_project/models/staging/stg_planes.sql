select
    tailnum as tail_number,
    year as year_built,
    type as plane_type,
    manufacturer,
    model as plane_model,
    engines as engine_count,
    seats as seat_count,
    engine as engine_type
from {{ source('raw', 'planes') }}
