-- What is in the timetable leaves or is cancelled; what leaves arrives or is diverted.
select *
from fct_daily_operations
where flights <> cancelled + departures
    or departures <> arrivals + diverted
    or punctual_arrivals > arrivals
