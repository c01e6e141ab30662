select
    faa as airport_code,
    name as airport_name,
    cast(lat as double precision) as latitude,
    cast(lon as double precision) as longitude,
    cast(alt as integer) as altitude_feet,
    nullif(tzone, '') as time_zone
from raw.airports
