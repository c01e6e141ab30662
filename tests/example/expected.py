"""Answers to the questions of example_project's marts, worked out from the raw files in DuckDB's own SQL.

Nothing here is shared with the project: no macro, no model, and wherever there is a choice the other way of
writing it. The queries read `flights`, `planes`, `weather`, `airports`, `airlines` and `holidays`, which are
the files as they are, and round nothing: a mart's value may differ by half of the last digit that it shows.
"""

from __future__ import annotations

# The digits after the point that the marts round a column to; one that is not here is compared as it is.
DIGITS = {
    "air_hours": 1,
    "air_hours_per_active_day": 2,
    "air_hours_per_plane": 1,
    "arrival_delay_p90": 2,
    "arrival_delay_p90_minutes": 2,
    "behind_best": 4,
    "cancelled_share": 4,
    "delay_hours": 1,
    "departure_delay_p90": 2,
    "flight_share": 4,
    "flights_a_day": 1,
    "flights_per_active_day": 2,
    "flights_per_plane": 1,
    "late_share": 4,
    "made_good_share": 4,
    "mean_arrival_delay": 2,
    "mean_departure_delay": 2,
    "mean_next_delay": 2,
    "mean_previous_delay": 2,
    "mean_recovered_minutes": 2,
    "mean_seats": 1,
    "median_arrival_delay": 2,
    "miles_per_flight": 1,
    "next_late_share": 4,
    "punctual_share": 4,
    "punctual_share_change": 4,
    "recovered_minutes_an_hour": 2,
    "recovering_share": 4,
    "routes_per_plane": 1,
    "strongest_wind_mph": 1,
    "times_good_weather": 2,
}
# Where a mart keeps all digits of a column that another rounds.
EXACT = {("plane_segments", "air_hours")}

_DAILY = """
    select
        cast(year || '-' || month || '-' || day as date) as flight_date,
        origin as origin_code,
        count(*) as flights,
        count_if(dep_time is null) as cancelled,
        count(dep_time) - count(arr_delay) as diverted,
        count(dep_time) as departures,
        count(arr_delay) as arrivals,
        count(*) filter (arr_delay <= 14) as punctual_arrivals,
        coalesce(sum(dep_delay), 0) as departure_delay_minutes,
        coalesce(sum(arr_delay), 0) as arrival_delay_minutes,
        coalesce(sum(air_time), 0) as air_minutes
    from flights
    group by all
"""

_ROUTE_MONTHS = """
    select
        make_date(2013, month, 1) as flight_month,
        origin as origin_code,
        dest as destination_code,
        count(*) as flights,
        count(distinct carrier) as carriers,
        count(*) - count(dep_time) as cancelled,
        count(arr_delay) as arrivals,
        count(*) filter (arr_delay <= 14) as punctual_arrivals,
        coalesce(sum(arr_delay), 0) as arrival_delay_minutes,
        quantile_cont(arr_delay, 0.9) as arrival_delay_p90_minutes
    from flights
    group by all
"""

# A flight's weather by the local clock; the project joins by UTC.
_WITH_WEATHER = """
    select
        f.*,
        w.precip,
        w.visib,
        if(w.wind_speed > 1000, null, w.wind_speed) as wind
    from flights f
    left join weather w using (origin, year, month, day, hour)
"""

_DAYS = """
    select
        d.day,
        h.holiday_name,
        abs(date_diff('day', d.day, h.holiday_date)) as distance
    from (select unnest(generate_series(date '2013-01-01', date '2013-12-31', interval 1 day))::date as day) d
    join holidays h on true
    qualify row_number() over (
        partition by d.day order by abs(date_diff('day', d.day, h.holiday_date)), h.holiday_date
    ) = 1
"""

_PLANES = """
    select
        f.tailnum,
        count(*) as flights,
        count(distinct (f.origin, f.dest)) as routes,
        count(distinct (f.month, f.day)) as days,
        sum(f.distance) as miles,
        coalesce(sum(f.air_time), 0) as minutes,
        sum(f.dep_delay) as delay,
        any_value(p) as register
    from flights f
    left join planes p on p.tailnum = f.tailnum
    where f.dep_time is not null and f.tailnum is not null
    group by f.tailnum
"""

EXPECTED: dict[str, str] = {
    "fct_daily_operations": _DAILY,
    "fct_route_months": _ROUTE_MONTHS,
    "route_punctuality": f"""
        with months as ({_ROUTE_MONTHS}),
        -- The month of the route's flights before, found by a self-join instead of a window.
        before as (
            select m.flight_month, m.origin_code, m.destination_code, max(b.flight_month) as previous_month
            from months m
            join months b using (origin_code, destination_code)
            where b.flight_month < m.flight_month
            group by all
        )
        select
            m.origin_code || '-' || m.destination_code as route,
            m.flight_month,
            m.origin_code,
            m.destination_code,
            ifnull((select name from airports where faa = m.destination_code), 'not in the register')
                as destination_name,
            m.flights,
            m.carriers,
            m.cancelled,
            if(m.arrivals = 0, null, m.punctual_arrivals / m.arrivals) as punctual_share,
            if(m.arrivals = 0, null, m.arrival_delay_minutes / m.arrivals) as mean_arrival_delay,
            m.arrival_delay_p90_minutes,
            if(m.arrivals * p.arrivals = 0, null,
                m.punctual_arrivals / m.arrivals - p.punctual_arrivals / p.arrivals) as punctual_share_change,
            1 + (
                select count(*)
                from months o
                where o.flight_month = m.flight_month
                    and o.arrivals > 0
                    and (m.arrivals = 0
                        or o.punctual_arrivals * m.arrivals > m.punctual_arrivals * o.arrivals)
            ) as month_rank
        from months m
        left join before b using (flight_month, origin_code, destination_code)
        left join months p
            on p.flight_month = b.previous_month
            and p.origin_code = m.origin_code
            and p.destination_code = m.destination_code
    """,
    "route_carriers": """
        with counted as (
            select
                origin || '-' || dest as route,
                carrier,
                count(*) as flights,
                avg(if(arr_delay < 15, 1, 0)) filter (arr_delay is not null) as punctual,
                avg(arr_delay) as delay
            from flights
            group by all
            having flights >= 100
        ),
        routes as (
            select route, count(*) as carriers, max(punctual) as best from counted group by route
        )
        select
            route,
            c.carrier as carrier_code,
            a.name as carrier_name,
            c.flights,
            c.punctual as punctual_share,
            c.delay as mean_arrival_delay,
            r.carriers as carriers_on_route,
            1 + (
                select count(*)
                from counted o
                where o.route = c.route
                    and (-o.punctual, -o.flights, o.carrier) < (-c.punctual, -c.flights, c.carrier)
            ) as punctual_rank,
            c.punctual - r.best as behind_best
        from counted c
        join routes r using (route)
        join airlines a using (carrier)
    """,
    "airport_hours": """
        with totals as (
            select
                origin,
                hour,
                count(distinct (month, day)) as days,
                count(*) as flights,
                avg(dep_delay) as delay,
                avg((dep_delay > 14)::int) as late,
                avg((dep_time is null)::int) as cancelled
            from flights
            group by all
        ),
        busiest as (
            select origin, hour, max(n) as n
            from (select origin, hour, month, day, count(*) as n from flights group by all)
            group by all
        )
        select
            origin as origin_code,
            hour as scheduled_hour,
            t.days as days_with_flights,
            t.flights,
            t.flights / t.days as flights_a_day,
            b.n as busiest_day_flights,
            t.delay as mean_departure_delay,
            t.late as late_share,
            t.cancelled as cancelled_share,
            (select count(*) + 1 from totals o where o.origin = t.origin and o.flights > t.flights)
                as busyness_rank
        from totals t
        join busiest b using (origin, hour)
    """,
    "carrier_delays": """
        with counted as (
            select
                carrier,
                count(*) as flights,
                1 - count(dep_time) / count(*) as cancelled,
                count_if(arr_delay < 15) / count(arr_delay) as punctual,
                avg(dep_delay) as departure,
                avg(arr_delay) as arrival,
                median(arr_delay) as middle,
                quantile_cont(arr_delay, 0.9) as p90,
                max(arr_delay) as longest
            from flights
            group by carrier
        )
        select
            carrier as carrier_code,
            name as carrier_name,
            flights,
            cancelled as cancelled_share,
            punctual as punctual_share,
            departure as mean_departure_delay,
            arrival as mean_arrival_delay,
            middle as median_arrival_delay,
            p90 as arrival_delay_p90,
            longest as longest_arrival_delay,
            (select count(*) + 1 from counted o where o.punctual > c.punctual) as punctual_rank
        from counted c
        natural join airlines
    """,
    "delay_distribution": """
        with bands(delay_band, low, high) as (
            values
                ('none', -1000, 0), ('1 to 14 minutes', 1, 14), ('15 to 59 minutes', 15, 59),
                ('60 to 179 minutes', 60, 179), ('180 minutes or more', 180, 100000)
        )
        select
            f.carrier as carrier_code,
            ifnull(b.delay_band, 'not flown') as delay_band,
            count(*) as flights,
            count(*) / any_value(c.flights) as flight_share
        from flights f
        left join bands b on f.dep_delay between b.low and b.high
        join (select carrier, count(*) as flights from flights group by carrier) c on c.carrier = f.carrier
        group by all
    """,
    "delay_recovery": """
        select
            carrier as carrier_code,
            ['short (under 500 miles)', 'medium (500 to 1500 miles)', 'long (1500 miles or more)'][
                1 + (distance >= 500)::int + (distance >= 1500)::int
            ] as distance_band,
            count(*) as late_flights,
            avg(dep_delay) as mean_departure_delay,
            avg(dep_delay) - avg(arr_delay) as mean_recovered_minutes,
            count_if(arr_delay < dep_delay) / count(*) as recovering_share,
            count_if(arr_delay <= 0) / count(*) as made_good_share,
            (sum(dep_delay) - sum(arr_delay)) / (sum(air_time) / 60) as recovered_minutes_an_hour
        from flights
        where dep_delay >= 1 and arr_delay is not null
        group by all
    """,
    "knock_on_delays": """
        with turns as (
            select
                tailnum,
                month,
                day,
                dep_delay,
                row_number() over (
                    partition by tailnum, month, day order by sched_dep_time, hour, carrier, flight::varchar
                ) as turn
            from flights
            where dep_time is not null and tailnum is not null
        )
        select
            case
                when a.dep_delay >= 180 then '180 minutes or more'
                when a.dep_delay >= 60 then '60 to 179 minutes'
                when a.dep_delay >= 15 then '15 to 59 minutes'
                when a.dep_delay >= 1 then '1 to 14 minutes'
                else 'none'
            end as previous_delay_band,
            count(*) as following_flights,
            avg(a.dep_delay) as mean_previous_delay,
            avg(b.dep_delay) as mean_next_delay,
            avg((b.dep_delay >= 15)::int) as next_late_share
        from turns a
        join turns b on (a.tailnum, a.month, a.day, a.turn + 1) = (b.tailnum, b.month, b.day, b.turn)
        group by 1
    """,
    "season_punctuality": f"""
        with days as ({_DAYS})
        select
            ['winter', 'spring', 'summer', 'autumn'][1 + (f.month % 12) // 3] as season,
            case
                when d.distance < 3 then 'holiday'
                when dayname(d.day) in ('Saturday', 'Sunday') then 'weekend'
                else 'working day'
            end as day_kind,
            count(distinct d.day) as days,
            count(*) as flights,
            count(*) / count(distinct d.day) as flights_a_day,
            count_if(f.arr_delay < 15) / count(f.arr_delay) as punctual_share,
            count_if(f.dep_time is null) / count(*) as cancelled_share,
            avg(f.dep_delay) as mean_departure_delay
        from flights f
        join days d on month(d.day) = f.month and dayofmonth(d.day) = f.day
        group by all
    """,
    "worst_days": f"""
        with worst as (
            select
                make_date(2013, month, day) as day,
                count(*) as flights,
                count_if(dep_time is null) as cancelled,
                avg(dep_delay) as delay,
                sum(dep_delay) as minutes
            from flights
            group by month, day
            order by delay desc, day
            limit 20
        ),
        skies as (
            select
                make_date(2013, month, day) as day,
                max(wind_speed) filter (wind_speed < 1000) as wind,
                min(visib) as sight,
                max(precip) as rain
            from weather
            where year = 2013
            group by month, day
        )
        select
            row_number() over (order by w.delay desc, w.day) as day_rank,
            w.day as flight_date,
            dayname(w.day) as weekday,
            d.holiday_name as nearest_holiday,
            d.distance as days_to_holiday,
            w.flights,
            w.cancelled,
            w.cancelled / w.flights as cancelled_share,
            w.delay as mean_departure_delay,
            w.minutes / 60 as delay_hours,
            s.wind as strongest_wind_mph,
            s.sight as lowest_visibility_miles,
            s.rain as heaviest_precipitation_inches
        from worst w
        join ({_DAYS}) d on d.day = w.day
        left join skies s on s.day = w.day
    """,
    # Each airport has flights on every day, so that a range of days is a number of rows.
    "delay_trend": f"""
        with trend as (
            select
                d.origin_code,
                d.flight_date,
                any_value(d.flights) as flights,
                any_value(d.departure_delay_minutes / nullif(d.departures, 0)) as today,
                sum(p.departure_delay_minutes) filter (p.flight_date > d.flight_date - 7)
                    / nullif(sum(p.departures) filter (p.flight_date > d.flight_date - 7), 0) as week,
                sum(p.departure_delay_minutes) / nullif(sum(p.departures), 0) as month
            from ({_DAILY}) d
            join ({_DAILY}) p
                on p.origin_code = d.origin_code
                and p.flight_date between d.flight_date - 27 and d.flight_date
            group by d.origin_code, d.flight_date
        )
        select
            origin_code,
            flight_date,
            flights,
            today as mean_delay,
            week as mean_delay_7_days,
            month as mean_delay_28_days,
            case when abs(week - month) <= 1 then 'steady' when week > month then 'worse' else 'better' end
                as direction
        from trend
    """,
    "weather_delays": f"""
        with f as ({_WITH_WEATHER}),
        bands as (
            select
                'wind' as weather_condition,
                *,
                case
                    when wind >= 25 then (4, 'strong (25 mph or more)')
                    when wind >= 15 then (3, 'fresh (15 to 25 mph)')
                    when wind >= 8 then (2, 'moderate (8 to 15 mph)')
                    when wind >= 0 then (1, 'light (under 8 mph)')
                    else (5, 'unknown')
                end as band
            from f
            union all
            select
                'visibility',
                *,
                case
                    when visib >= 10 then (4, 'clear (10 miles)')
                    when visib >= 3 then (3, 'fair (3 to 10 miles)')
                    when visib >= 1 then (2, 'poor (1 to 3 miles)')
                    when visib >= 0 then (1, 'fog (under 1 mile)')
                    else (5, 'unknown')
                end
            from f
            union all
            select
                'precipitation',
                *,
                case
                    when precip >= 0.1 then (3, 'heavy (0.1 inches an hour or more)')
                    when precip > 0 then (2, 'light (under 0.1 inches an hour)')
                    when precip = 0 then (1, 'dry')
                    else (4, 'unknown')
                end
            from f
        )
        select
            weather_condition,
            band[2] as band,
            band[1] as band_order,
            count(*) as flights,
            1 - count(dep_time) / count(*) as cancelled_share,
            count_if(arr_delay < 15) / count(arr_delay) as punctual_share,
            avg(dep_delay) as mean_departure_delay,
            quantile_cont(dep_delay, 0.9) as departure_delay_p90
        from bands
        group by all
    """,
    "cancellations_by_weather": f"""
        with f as (
            select
                carrier,
                dep_time is null as cancelled,
                case
                    when coalesce(wind >= 25, false) or visib < 1 or precip >= 0.1 then 'severe'
                    when coalesce(wind >= 15, false) or visib < 3 or precip > 0 then 'marginal'
                    else 'good'
                end as weather
            from ({_WITH_WEATHER})
            where not (wind is null and visib is null and precip is null)
        ),
        good as (
            select carrier, avg(cancelled::int) as share from f where weather = 'good' group by carrier
        )
        select
            f.carrier as carrier_code,
            any_value(a.name) as carrier_name,
            f.weather as weather_severity,
            count(*) as flights,
            sum(f.cancelled::int) as cancelled,
            avg(f.cancelled::int) as cancelled_share,
            if(any_value(g.share) > 0, avg(f.cancelled::int) / any_value(g.share), null) as times_good_weather
        from f
        join airlines a on a.carrier = f.carrier
        left join good g on g.carrier = f.carrier
        group by f.carrier, f.weather
    """,
    "plane_utilisation": f"""
        select
            tailnum as tail_number,
            register.manufacturer,
            register.model as plane_model,
            register.seats as seat_count,
            register.year as year_built,
            2013 - register.year as age_years,
            register.tailnum is not null as is_registered,
            flights,
            routes,
            days as active_days,
            miles as distance_miles,
            minutes / 60 as air_hours,
            flights / days as flights_per_active_day,
            minutes / 60 / days as air_hours_per_active_day,
            delay / flights as mean_departure_delay
        from ({_PLANES})
    """,
    "fleet_age": f"""
        with bands(age_band, oldest, newest) as (
            values
                ('under 5 years', 2009, 2013), ('5 to 9 years', 2004, 2008), ('10 to 14 years', 1999, 2003),
                ('15 to 19 years', 1994, 1998), ('20 years or more', 1900, 1993)
        )
        select
            ifnull(b.age_band, 'unknown') as age_band,
            count(*) as planes,
            sum(p.flights) as flights,
            avg(p.flights) as flights_per_plane,
            avg(p.routes) as routes_per_plane,
            sum(p.minutes) / 60 as air_hours,
            avg(p.minutes) / 60 as air_hours_per_plane,
            sum(p.delay) / sum(p.flights) as mean_departure_delay,
            avg(p.register.seats) as mean_seats
        from ({_PLANES}) p
        left join bands b on p.register.year between b.oldest and b.newest
        group by all
    """,
    "maker_fleets": f"""
        select
            ifnull(p.register.manufacturer, 'unknown') as manufacturer,
            count(*) as planes,
            sum(p.flights) as flights,
            sum(p.miles) as miles,
            max(p.register.seats) as seats,
            min(p.register.year) as first_built,
            sum(p.miles) / sum(p.flights) as miles_per_flight,
            row_number() over (
                order by sum(p.flights) desc, ifnull(p.register.manufacturer, 'unknown')
            ) as rank
        from ({_PLANES}) p
        group by ifnull(p.register.manufacturer, 'unknown')
    """,
    "plane_segments": f"""
        with planes as (select * from ({_PLANES}) where minutes > 0),
        bounds as (
            select
                quantile_cont(minutes, 0.5) as middle,
                quantile_cont(minutes, 0.9) as busy,
                sum(minutes) as minutes
            from planes
        )
        select
            p.tailnum as tail_number,
            if(p.minutes >= b.busy, 'workhorse', if(p.minutes >= b.middle, 'regular', 'visitor')) as segment,
            ['short', 'medium', 'long'][
                1 + (p.miles >= 500 * p.flights)::int + (p.miles >= 1500 * p.flights)::int
            ] as haul,
            p.minutes / 60 as air_hours,
            p.miles / p.flights as mean_flight_miles,
            row_number() over (partition by segment order by p.minutes desc, p.tailnum) as segment_rank,
            p.minutes / b.minutes as share_of_all_hours
        from planes p, bounds b
    """,
}
