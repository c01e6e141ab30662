"""A segmentation of the fleet by how long and how far its aircraft fly."""

from __future__ import annotations

import pandas

import sqlflow


@sqlflow.model(
    materialized="table",
    description="Which aircraft carry the timetable? Each in a segment by its hours, with its rank in it.",
    columns={
        "tail_number": "varchar",
        "segment": "varchar",
        "haul": "varchar",
        "air_hours": "double precision",
        "mean_flight_miles": "double precision",
        "segment_rank": "bigint",
        "share_of_all_hours": "double precision",
    },
    tags=["dataframe"],
)
def plane_segments(int_plane_activity: pandas.DataFrame) -> pandas.DataFrame:
    planes = int_plane_activity[int_plane_activity["air_minutes"] > 0].copy()
    minutes = planes["air_minutes"]
    planes["segment"] = _segment(minutes)
    planes["air_hours"] = minutes / 60
    planes["share_of_all_hours"] = minutes / minutes.sum()
    planes["mean_flight_miles"] = planes["distance_miles"] / planes["flights"]
    planes["haul"] = "short"
    planes.loc[planes["mean_flight_miles"] >= 500, "haul"] = "medium"
    planes.loc[planes["mean_flight_miles"] >= 1500, "haul"] = "long"
    planes = planes.sort_values(["segment", "air_minutes", "tail_number"], ascending=[True, False, True])
    planes["segment_rank"] = planes.groupby("segment").cumcount() + 1
    return planes[
        [
            "tail_number",
            "segment",
            "haul",
            "air_hours",
            "mean_flight_miles",
            "segment_rank",
            "share_of_all_hours",
        ]
    ]


def _segment(minutes: pandas.Series) -> pandas.Series:
    """The busiest tenth are workhorses, the least busy half visitors, the rest regulars."""
    segment = pandas.Series("regular", index=minutes.index)
    segment[minutes < minutes.quantile(0.5)] = "visitor"
    segment[minutes >= minutes.quantile(0.9)] = "workhorse"
    return segment
