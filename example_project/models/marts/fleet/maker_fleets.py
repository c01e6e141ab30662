"""The fleets of the manufacturers, as an expression that sqlflow compiles to SQL."""

from __future__ import annotations

import ibis

import sqlflow


@sqlflow.model(
    description="Whose aircraft carry the timetable?",
    tags=["ibis"],
)
def maker_fleets(int_plane_activity: ibis.Table, stg_planes: ibis.Table) -> ibis.Table:
    flown = int_plane_activity.left_join(stg_planes, "tail_number")
    makers = flown.group_by(manufacturer=ibis.coalesce(flown.manufacturer, "unknown")).agg(
        planes=flown.tail_number.nunique(),
        flights=flown.flights.sum(),
        miles=flown.distance_miles.sum(),
        seats=flown.seat_count.max(),
        first_built=flown.year_built.min(),
    )
    return makers.mutate(
        miles_per_flight=(makers.miles / makers.flights).round(1),
        rank=ibis.row_number().over(order_by=[ibis.desc(makers.flights), makers.manufacturer]) + 1,
    )
