"""The trend of delays: means over the last week and the last four weeks, airport by airport."""

from __future__ import annotations

import polars

import sqlflow


@sqlflow.model(
    materialized="table",
    description="Is it getting better? Each airport's delays over the last 7 and the last 28 days.",
    columns={
        "origin_code": "varchar",
        "flight_date": "date",
        "flights": "bigint",
        "mean_delay": "double precision",
        "mean_delay_7_days": "double precision",
        "mean_delay_28_days": "double precision",
        "direction": "varchar",
    },
    tags=["dataframe"],
)
def delay_trend(fct_daily_operations: polars.DataFrame) -> polars.DataFrame:
    days = fct_daily_operations.sort("origin_code", "flight_date")
    trend = days.select(
        "origin_code",
        "flight_date",
        "flights",
        _mean_delay(1).alias("mean_delay"),
        _mean_delay(7).alias("mean_delay_7_days"),
        _mean_delay(28).alias("mean_delay_28_days"),
    )
    change = polars.col("mean_delay_7_days") - polars.col("mean_delay_28_days")
    return trend.with_columns(
        polars.when(change > 1)
        .then(polars.lit("worse"))
        .when(change < -1)
        .then(polars.lit("better"))
        .otherwise(polars.lit("steady"))
        .alias("direction")
    )


def _mean_delay(days: int) -> polars.Expr:
    """The minutes of delay per departure over a window of days that ends with the row's."""
    minutes = polars.col("departure_delay_minutes").rolling_sum(days, min_samples=1)
    departures = polars.col("departures").rolling_sum(days, min_samples=1)
    return (
        polars.when(departures > 0)
        .then(minutes.cast(polars.Float64) / departures.cast(polars.Float64))
        .over("origin_code", order_by="flight_date")
    )
