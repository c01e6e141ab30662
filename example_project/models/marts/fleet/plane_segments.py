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
def plane_segments(plane_utilisation: pandas.DataFrame) -> pandas.DataFrame:
    planes = plane_utilisation[plane_utilisation["air_hours"] > 0].copy()
    planes["segment"] = _segment(planes["air_hours"])
    planes["mean_flight_miles"] = planes["distance_miles"] / planes["flights"]
    planes["haul"] = "short"
    planes.loc[planes["mean_flight_miles"] >= 500, "haul"] = "medium"
    planes.loc[planes["mean_flight_miles"] >= 1500, "haul"] = "long"
    planes = planes.sort_values(["segment", "air_hours", "tail_number"], ascending=[True, False, True])
    planes["segment_rank"] = planes.groupby("segment").cumcount() + 1
    planes["share_of_all_hours"] = planes["air_hours"] / planes["air_hours"].sum()
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


def _segment(hours: pandas.Series) -> pandas.Series:
    """The busiest tenth are workhorses, the least busy half visitors, the rest regulars."""
    segment = pandas.Series("regular", index=hours.index)
    segment[hours < hours.quantile(0.5)] = "visitor"
    segment[hours >= hours.quantile(0.9)] = "workhorse"
    return segment
