"""The example project, disturbed: a copy with 10,000 flights, built before Christmas and at the year's end.

By the second day there are more flights, of the last days that were known there are arrivals, an airline has
another name and one is gone, and an aircraft was built in another year. A public holiday is there twice by
mistake: a test stops the seed, and so nothing that reads it is built.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.safety.subject import Subject

_PROJECT = Path(__file__).resolve().parents[2] / "example_project"
_LEFT_OUT = shutil.ignore_patterns("target", ".sqlflow", "*.duckdb*", "flights.parquet", "planes.parquet")
_FLIGHTS = 10_000
# The first day knows of flights before this day, and of arrivals before the days that are looked at again.
_KNOWN, _ARRIVED = "date '2013-12-22'", "date '2013-12-19'"

# Those of some aircraft, so that there are aircraft that leave more than once a day.
_SECOND_FLIGHTS = f"""
    select * exclude (place) from (
        select *, dense_rank() over (order by tailnum) as place from '{_PROJECT}/data/flights.parquet'
    ) where place % 32 = 0 order by time_hour desc, origin, carrier, flight limit {_FLIGHTS}"""
_FIRST_FLIGHTS = f"""
    select * replace (case when make_date(year, month, day) < {_ARRIVED} then arr_delay end as arr_delay)
    from ({_SECOND_FLIGHTS}) where make_date(year, month, day) < {_KNOWN}"""
_SECOND_PLANES = f"""
    select * replace (case when manufacturer = 'BOEING' then year - 1 else year end as year)
    from '{_PROJECT}/data/planes.parquet'"""
_FILES = {
    (1, "data/flights.parquet"): _FIRST_FLIGHTS,
    (2, "data/flights.parquet"): _SECOND_FLIGHTS,
    (1, "data/planes.parquet"): f"from '{_PROJECT}/data/planes.parquet'",
    (2, "data/planes.parquet"): _SECOND_PLANES,
}


def _write(root: Path, target: Mapping[str, Any], settings: Mapping[str, Any], day: int) -> None:
    shutil.copytree(_PROJECT, root, ignore=_LEFT_OUT, dirs_exist_ok=True)
    for (of, path), query in _FILES.items():
        if of == day:
            (root / path).write_bytes(_parquet(query))
    airlines, holidays = root / "seeds/airlines.csv", root / "seeds/holidays.csv"
    if day == 1:
        airlines.write_text(airlines.read_text() + "ZZ,Zeppelin Lines\n")
    else:
        airlines.write_text(_replaced(airlines.read_text(), "JetBlue Airways", "JetBlue"))
        holidays.write_text(holidays.read_text() + holidays.read_text().splitlines()[-1] + "\n")
    # A macro asks for the target's type, and it is another one here.
    macro = root / "macros/calendar.sql"
    macro.write_text(_replaced(macro.read_text(), "'postgres'", "'injected_postgres'"))
    config = root / "sqlflow.yml"
    read = yaml.safe_load(config.read_text())
    own = read["targets"]["postgres" if "host" in target else "dev"]
    dev = {"schema": own["schema"], "threads": own["threads"], **target}
    config.write_text(json.dumps({**read, "targets": {"dev": dev}, **settings}))


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@cache
def _parquet(query: str) -> bytes:
    """The file of a query's rows; made once, so that each case's is the same to the byte."""
    import duckdb

    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        file = Path(folder) / "rows.parquet"
        connection.execute(f"copy ({query}) to '{file}' (format parquet)")
        return file.read_bytes()


EXAMPLE = Subject(
    name="example",
    write=_write,
    clock={1: datetime(2013, 12, 22, 6, tzinfo=UTC), 2: datetime(2014, 1, 1, 6, tzinfo=UTC)},
    stopped=frozenset({"holidays", "int_calendar", "season_punctuality", "worst_days"}),
    # Neither the weather nor the airports change, nor what is stopped; on a server, files are loaded.
    same=frozenset(
        {"holidays", "int_calendar", "season_punctuality", "worst_days", "airports", "weather",
         "stg_airports", "stg_weather", "int_weather_hours"}
    ),
)  # fmt: skip
