-- `airlines` is the seed: a plain name is a reference.
select
    carrier as carrier_code,
    name as carrier_name
from airlines
