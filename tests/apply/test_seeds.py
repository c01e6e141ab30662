"""Seeds and file sources: their rows arrive as they stand in the file, or a message says why not."""

from __future__ import annotations

import datetime
import decimal
import io
from typing import Any

import pytest

from tests.apply.projects import Project

pytestmark = pytest.mark.layouts("direct", "virtual")


def seed(project: Project, content: str | bytes, **config: Any) -> Any:
    project.settings["seeds"] = {f"+{key}": value for key, value in config.items()}
    return project.build({"seeds/s.csv": content})


def test_types_are_read_off_the_values(project: Project) -> None:
    seed(
        project, "i,f,b,d,t,s\n1,1.5,true,2024-02-29,2024-02-29 12:30:00,x\n2,2,false,2024-03-01,,\n"
    ).check()
    assert project.rows("select * from s order by i") == [
        (1, 1.5, True, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30), "x"),
        (2, 2.0, False, datetime.date(2024, 3, 1), None, None),
    ]


def test_declared_types_arrive_exactly(project: Project) -> None:
    types = {"zip": "varchar(10)", "price": "decimal(12, 3)", "day": "date", "n": "smallint"}
    types["big"] = "numeric(38, 0)"
    content = "zip,price,day,n,big\n00501,0.100,2024-01-02,7,12345678901234567890123456789012345678\n,,,,\n"
    seed(project, content, column_types=types).check()
    assert project.rows("select * from s where zip is not null") == [
        ("00501", decimal.Decimal("0.100"), datetime.date(2024, 1, 2), 7,
         decimal.Decimal("12345678901234567890123456789012345678")),
    ]  # fmt: skip
    assert project.rows("select count(*) from s where zip is null and price is null") == [(1,)]


def test_declared_names_compare_as_the_engine_compares(duck: Project) -> None:
    seed(duck, "Zip\n00501\n", column_types={"ZIP": "varchar"}).check()
    assert duck.rows("select * from s") == [("00501",)]


def test_fields_with_everything_in_them(project: Project) -> None:
    content = 'a;b;größe\n"x;y";"two\nlines";"say ""hi"""\n"";;" é "\n'
    seed(project, b"\xef\xbb\xbf" + content.encode(), delimiter=";").check()
    assert project.rows('select a, b, "größe" from s') == [
        ("x;y", "two\nlines", 'say "hi"'),
        ("", None, " é "),
    ]


def test_header_only_is_an_empty_table(project: Project) -> None:
    seed(project, "a,b\n").check()
    assert project.rows("select a, b from s") == []
    seed(project, "a,b\n1,2\n").check()
    assert project.rows("select a, b from s") == [(1, 2)]


def test_types_of_late_rows_count(project: Project) -> None:
    """A column that is a number for two megabytes and text in the last row is text."""
    lines = "\n".join(f"{i},{i * 1000}" for i in range(150_000))
    seed(project, f"a,b\n{lines}\nx,y\n").check()
    assert project.rows("select count(*), max(a) from s") == [(150_001, "x")]


WRONG = {
    "empty": ("", {}, "it has no header"),
    "ragged": ("a,b\n1,2\n3,4,5\n", {}, "Expected 2 columns, got 3"),
    "short": ("a,b\n1,2\n3\n", {}, "Expected 2 columns, got 1"),
    "duplicate": ("a,b,a\n1,2,3\n", {}, "two columns are named `a`"),
    "nameless": ("a,,b\n1,2,3\n", {}, "a column has no name"),
    "not utf-8": (b"a,b\n\xff\xfe,2\n", {}, "it is not UTF-8"),
    "unknown column": ("code\n1\n", {"column_types": {"cod": "text"}}, "names a column `cod`"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_files(project: Project, what: str) -> None:
    content, config, said = WRONG[what]
    seed(project, "a,b\n1,2\n").check()
    run = seed(project, content, **config)
    [diagnostic] = run.diagnostics
    assert diagnostic.code == "SF0709"
    assert diagnostic.message.startswith("`seeds/s.csv` can't be loaded: ") and said in diagnostic.message
    assert diagnostic.span is not None
    assert project.rows("select * from s") == [(1, 2)]


def test_a_value_that_is_not_of_the_declared_type(project: Project) -> None:
    run = seed(project, "n\n1\ntwelve\n", column_types={"n": "integer"})
    [diagnostic] = run.diagnostics
    assert "twelve" in diagnostic.message + " ".join(diagnostic.notes)
    assert project.warehouse.names() == {}


def parquet(**columns: Any) -> bytes:
    import pyarrow
    from pyarrow import parquet as format

    buffer = io.BytesIO()
    format.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def test_parquet_seed(project: Project) -> None:
    day = datetime.date(2024, 1, 2)
    project.built(
        {"seeds/s.parquet": parquet(id=[1, 2], day=[day, None], price=[decimal.Decimal("1.50"), None])}
    )
    assert project.rows("select * from s order by id") == [(1, day, decimal.Decimal("1.50")), (2, None, None)]


def test_broken_parquet(project: Project) -> None:
    run = project.build({"seeds/s.parquet": b"PAR1 no more"})
    assert [d.code for d in run.diagnostics] == ["SF0709"]
    assert "seeds/s.parquet" in run.diagnostics[0].message


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_file_source(project: Project, suffix: str) -> None:
    content = "id,name\n1,a\n2,b\n" if suffix == "csv" else parquet(id=[1, 2], name=["a", "b"])
    table = f"{{name: people, location: data/people.{suffix}}}"
    sources = f"sources: [{{name: raw, tables: [{table}]}}]"
    files = {"models/raw.yml": sources, f"data/people.{suffix}": content}
    run = project.built({**files, "m": "select id, name from {{ source('raw', 'people') }}"})
    assert project.rows("select * from m order by id") == [(1, "a"), (2, "b")]
    assert set(run.nodes) == ({"raw.people", "m"} if project.warehouse.is_postgres else {"m"})


def test_seed_again_under_a_view_keeps_the_table(pg: Project) -> None:
    seed(pg, "id,name\n1,a\n", column_types={"id": "int"}).check()
    pg.warehouse.execute("create view theirs as select * from s")
    [before] = pg.rows("select 's'::regclass::oid")
    seed(pg, "id,name\n2,b\n", column_types={"id": "int"}).check()
    assert pg.rows("select * from theirs") == [(2, "b")]
    assert pg.rows("select 's'::regclass::oid") == [before]
