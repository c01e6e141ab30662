-- Each name that an airline has had in the seed, and from when to when.
{{ config(unique_key='carrier', strategy='check', check_cols=['name'], hard_deletes='invalidate') }}

select carrier, name
from airlines
