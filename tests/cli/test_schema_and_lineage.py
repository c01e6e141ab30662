"""What is told of the columns of a project: their types, where they come from, what reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import sqlflow
from sqlflow.api import Hop
from sqlflow.bind.query.values import ColumnRef
from sqlflow.bind.types import NodeSchema, SchemaColumn
from sqlflow.cli.commands.lineage import split
from sqlflow.cli.views.lineage import Link, Names, readers_text, sources_text, trace_text
from sqlflow.cli.views.paint import no_colour
from sqlflow.cli.views.schema import checked, schema_text
from sqlflow.core.ids import NodeId, NodeKind
from sqlflow.core.schema import Nullability, SqlType
from tests.cli.conftest import invoke
from tests.sources import ROOT
from tests.test_light_imports import heavy, loaded

Run = Callable[..., Result]

FILES = {
    "sqlflow.yml": "name: club\ntarget: dev\ntargets:\n  dev: {type: duckdb, path: club.duckdb}\n",
    "seeds/people.csv": "id,name,age\n1,Ada,36\n2,Bo,7\n",
    "models/sources.yml": (
        "sources:\n"
        "  - name: shop\n"
        "    schema: shop\n"
        "    tables:\n"
        "      - name: sales\n"
        "        columns:\n"
        "          - {name: person, data_type: integer}\n"
        "          - {name: price, data_type: 'decimal(9,2)'}\n"
        "          - name: note\n"
    ),
    "models/members.sql": (
        "select id, upper(name) as label, house_score(age) as score\nfrom people\nwhere age > 3\n"
    ),
    "models/members.yml": (
        "models:\n  - name: members\n    columns:\n      - {name: LABEL, description: What is on the door.}\n"
    ),
    "models/everybody.sql": "select * from members\n",
    "models/spending.sql": (
        "select\n"
        "    everybody.label,\n"
        "    sum(sales.price)\n"
        "        as spent,\n"
        "    count(*) as sales\n"
        "from everybody\n"
        "inner join {{ source('shop', 'sales') }} as sales on sales.person = everybody.id\n"
        "group by everybody.label\n"
    ),
    "models/guess.py": (
        "import polars\nimport sqlflow\n\n\n"
        "@sqlflow.model(columns={'label': 'varchar'})\n"
        "def guess(spending: polars.DataFrame) -> polars.DataFrame:\n"
        "    return spending.select('label')\n"
    ),
    "models/again.sql": "select label || '?' as label from guess\n",
}


@pytest.fixture
def club(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, in which the process stands."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example project; to be read only."""
    folder = tmp_path_factory.mktemp("flights") / "example"
    shutil.copytree(
        ROOT / "example_project", folder, ignore=shutil.ignore_patterns("target", "*.duckdb", "*.wal")
    )
    return folder


def lines(*args: str) -> list[str]:
    """What a command prints that must end well, and say nothing else."""
    result = invoke(*args)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def records(*args: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(*args, "--json")]


# compile --check


def test_a_check_counts_what_is_known_and_lists_what_is_not(club: Path) -> None:
    assert lines("compile", "--check", "--exclude", "spending") == [
        "model     | columns | typed | not null",
        "----------+---------+-------+---------",
        "members   |       3 |     2 |        0",
        "everybody |       3 |     2 |        0",
        "guess     |       1 |     1 |        0",
        "again     |       1 |     1 |        0",
        "",
        "unknown types:",
        "  members.score: no verified rule for house_score(BIGINT)",
        "  everybody.score: no verified rule for house_score(BIGINT)",
        "",
        "there may be more columns:",
        "  guess: guess is computed by a function",
        "",
        "4 models, 8 columns: 6 typed, 2 unknown",
    ]


def test_a_check_writes_nothing(club: Path) -> None:
    before = sorted(club.rglob("*"))
    assert invoke("compile", "--check").exit_code == 0
    assert sorted(path for path in club.rglob("*") if "__pycache__" not in path.parts) == before


def test_a_check_in_json_is_an_object_for_each_model_and_one_for_all(club: Path) -> None:
    first, last = records("compile", "--check", "-s", "members")
    assert first == {
        "event": "checked",
        "id": "model.club.members",
        "name": "members",
        "columns": 3,
        "typed": 2,
        "not_null": 0,
        "unknown": [{"column": "score", "why": "no verified rule for house_score(BIGINT)"}],
        "open": False,
        "why_open": "",
    }
    assert last == {
        "event": "check_finished",
        "models": 1,
        "columns": 3,
        "typed": 2,
        "unknown": 1,
        "not_null": 0,
    }


def test_a_check_of_a_project_with_errors_tells_them_and_fails(club: Path) -> None:
    (club / "models/again.sql").write_text("select lable from everybody\n")
    result = invoke("compile", "--check")
    assert result.exit_code == 1
    assert "error[SF0301]" in result.stderr
    assert result.stdout == ""


def test_a_check_of_nothing_says_so(club: Path) -> None:
    assert invoke("compile", "--check", "-s", "people").stdout == "0 models, 0 columns: 0 typed, 0 unknown\n"


def test_a_check_of_the_example_counts_what_the_api_knows(flights: Path) -> None:
    project = sqlflow.load(flights)
    *models, last = records("compile", "--check", "--project", str(flights))
    kinds = ("model.", "snapshot.")
    schemas = {node: s for node, s in project.schemas().items() if node.startswith(kinds)}
    assert {model["id"]: model["columns"] for model in models} == {
        node: len(schema.columns) for node, schema in schemas.items()
    }
    assert {
        (model["name"], found["column"], found["why"]) for model in models for found in model["unknown"]
    } == {
        (node.rpartition(".")[2], column.name, column.why)
        for node, schema in schemas.items()
        for column in schema.columns
        if column.type is None
    }
    assert last["models"] == len(models) == len(schemas)
    assert last["columns"] == last["typed"] + last["unknown"] == sum(len(s.columns) for s in schemas.values())


# schema


def test_a_schema_has_types_nullability_and_descriptions(club: Path) -> None:
    assert lines("schema", "members") == [
        "column | type    | null    | description",
        "-------+---------+---------+---------------------",
        "id     | BIGINT  | unknown |",
        "label  | VARCHAR | unknown | What is on the door.",
        "score  | unknown | unknown |",
        "",
        "unknown types:",
        "  score: no verified rule for house_score(BIGINT)",
    ]


def test_nullability_is_in_words(club: Path) -> None:
    shown = [[cell.strip() for cell in line.split("|")] for line in lines("schema", "spending")[2:5]]
    assert [(row[0], row[2]) for row in shown if row[0] != "spent"] == [
        ("label", "unknown"),
        ("sales", "not null"),
    ]


def test_an_open_schema_says_why(club: Path) -> None:
    assert lines("schema", "shop.sales")[-5:] == [
        "unknown types:",
        "  note: the type of note is not declared",
        "",
        "there may be more columns:",
        "  the warehouse may have more columns of shop.sales than are declared",
    ]


def test_the_schema_of_a_dataframe_model_says_that_its_lineage_is_not_seen(club: Path) -> None:
    assert lines("schema", "guess")[-1] == "lineage: any column of guess may come from all that it reads"


def test_a_schema_in_json_is_one_object(club: Path) -> None:
    (record,) = records("schema", "members")
    assert (record["event"], record["id"], record["name"]) == ("schema", "model.club.members", "members")
    assert (record["open"], record["why_open"], record["opaque"]) == (False, "", False)
    assert record["columns"][1:] == [
        {
            "name": "label",
            "type": "VARCHAR",
            "why": "",
            "null": "unknown",
            "description": "What is on the door.",
        },
        {
            "name": "score",
            "type": None,
            "why": "no verified rule for house_score(BIGINT)",
            "null": "unknown",
            "description": "",
        },
    ]


@pytest.mark.parametrize("command", ["schema", "lineage"])
def test_an_unknown_name_suggests(club: Path, command: str) -> None:
    result = invoke(command, "membres")
    assert result.exit_code == 1
    assert "error[SF0203]: unknown model `membres`" in result.stderr
    assert "did you mean `members`" in result.stderr


def test_a_column_without_a_name_is_shown_and_counted() -> None:
    column = SchemaColumn(
        name=None,
        type=None,
        why="no rule",
        null=Nullability.NOT_NULL,
        sources=frozenset(),
        text="f(x)",
        span=None,
    )
    schema = NodeSchema(columns=(column,), rows=frozenset(), open=False, why_open="", opaque=False)
    drawn = schema_text("m", schema, {}, paint=no_colour, width=None)
    assert drawn.splitlines()[2:] == [
        "(unnamed) | unknown | not null |",
        "",
        "unknown types:",
        "  (unnamed): no rule",
    ]
    found = checked(NodeId("model.p.m"), "m", schema)
    assert (found.columns, found.typed, found.not_null) == (1, 0, 1)


def test_a_type_is_written_out_and_a_description_in_one_line() -> None:
    column = SchemaColumn(
        name="Price",
        type=SqlType("DECIMAL", (9, 2)),
        why="",
        null=Nullability.NULLABLE,
        sources=frozenset(),
        text="",
        span=None,
    )
    schema = NodeSchema(columns=(column,), rows=frozenset(), open=False, why_open="", opaque=False)
    drawn = schema_text("m", schema, {"price": "In euros,\n  with tax."}, paint=no_colour, width=None)
    assert drawn.splitlines()[2:] == ["Price  | DECIMAL(9,2) | nullable | In euros, with tax."]


def test_a_node_without_columns_says_so() -> None:
    schema = NodeSchema(columns=(), rows=frozenset(), open=False, why_open="", opaque=False)
    assert schema_text("m", schema, {}, paint=no_colour, width=None) == "m has no columns"


# lineage


def test_a_model_shows_where_each_column_and_its_rows_come_from(club: Path) -> None:
    assert lines("lineage", "spending") == [
        "label  people.name",
        "spent  shop.sales.price",
        "sales  no column",
        "rows: people.age, people.id, people.name, shop.sales.person",
    ]


def test_a_trace_has_each_hop_with_its_expression_and_the_rows_apart(club: Path) -> None:
    assert lines("lineage", "spending.label") == [
        "spending.label  everybody.label",
        "  everybody.label  label",
        "    members.label  upper(name)",
        "      people.name  (seed)",
        "rows:",
        "  everybody.id  id",
        "    members.id  id",
        "      people.id  (seed)",
        "  everybody.label  label",
        "    members.label  upper(name)",
        "      people.name  (seed)",
        "  shop.sales.person  (source)",
        "  people.age  (seed)",
    ]


def test_an_expression_over_lines_is_shown_in_one(club: Path) -> None:
    (club / "models/again.sql").write_text("select upper(\n    label\n) as label from everybody\n")
    assert lines("lineage", "again.label")[0] == "again.label  upper( label )"


def test_what_a_dataframe_model_may_have_read_is_apart(club: Path) -> None:
    assert lines("lineage", "again.label")[:4] == [
        "again.label  label || '?'",
        "  guess.label  (opaque: a dataframe model)",
        "opaque:",
        "  spending  3 columns: label, spent, sales",
    ]
    assert lines("lineage", "again") == ["label  anything that guess reads (opaque)"]
    assert lines("lineage", "guess") == ["label  anything that guess reads (opaque)"]


def test_down_shows_what_reads_a_column(club: Path) -> None:
    assert lines("lineage", "people.name", "--down") == [
        "people.name  (seed)",
        "  members.label  upper(name)",
        "    everybody.label  label",
        "      spending.label  everybody.label",
        "rows:",
        "  spending  2 columns: spent, sales",
        "  guess  1 column: label",
        "  again  1 column: label",
        "opaque:",
        "  guess  1 column: label",
        "  again  1 column: label",
    ]


def test_down_of_a_model_shows_what_reads_it_directly(club: Path) -> None:
    assert lines("lineage", "people", "--down") == [
        "id    members.id",
        "name  members.label",
        "age   members.score",
        "rows: members",
    ]
    assert lines("lineage", "spending", "--down") == [
        "label  nothing",
        "spent  nothing",
        "sales  nothing",
        "opaque: guess",
    ]
    assert lines("lineage", "spending", "--down", "--up") == lines("lineage", "spending")


def test_a_reader_without_a_name_is_shown(club: Path) -> None:
    (club / "models/again.sql").write_text("select note || '!' from {{ source('shop', 'sales') }}\n")
    assert "note    again.(unnamed)" in invoke("lineage", "shop.sales", "--down").stdout.splitlines()
    assert invoke("lineage", "shop.sales.note", "--down").stdout.splitlines() == [
        "shop.sales.note  (source)",
        "  again.(unnamed)  (unnamed)",
    ]
    assert invoke("lineage", "again").stdout == "(unnamed)  shop.sales.note\n"


def test_the_columns_of_a_seed_and_of_a_source_come_from_nowhere(club: Path) -> None:
    assert lines("lineage", "people")[0] == "id    (seed)"
    assert lines("lineage", "shop.sales")[0] == "person  (source)"
    assert lines("lineage", "shop.sales.PRICE") == ["shop.sales.price  (source)"]


def test_a_trace_in_json_is_an_object_for_each_hop(club: Path) -> None:
    found = records("lineage", "again.label")
    assert found[0] == {
        "event": "hop",
        "id": "model.club.again",
        "name": "again",
        "column": "label",
        "depth": 0,
        "kind": "value",
        "text": "label || '?'",
        "reads": [{"id": "model.club.guess", "column": "label"}],
        "opaque": False,
    }
    assert [(hop["name"], hop["depth"], hop["kind"], hop["opaque"]) for hop in found[1:3]] == [
        ("guess", 1, "value", True),
        ("spending", 2, "opaque", False),
    ]


def test_a_summary_in_json_has_the_kinds_of_the_edges(club: Path) -> None:
    *columns, rows = records("lineage", "spending")
    assert [(r["event"], r["column"], r["sources"]) for r in columns[:2]] == [
        ("lineage", "label", [{"id": "seed.club.people", "column": "name", "kind": "value"}]),
        ("lineage", "spent", [{"id": "source.club.shop.sales", "column": "price", "kind": "value"}]),
    ]
    assert rows["event"] == "rows"
    assert {"id": "seed.club.people", "column": "age", "kind": "rows"} in rows["sources"]
    age = records("lineage", "people", "--down")[2]
    assert age["readers"] == [
        {"id": "model.club.members", "column": "score", "kind": "value"},
        {"id": "model.club.members", "column": "id", "kind": "rows"},
        {"id": "model.club.members", "column": "label", "kind": "rows"},
    ]
    assert [found["readers"] for found in records("lineage", "spending", "--down")] == [
        [{"id": "model.club.guess", "column": "label", "kind": "opaque"}]
    ] * 3


def test_an_unknown_column_suggests(club: Path) -> None:
    result = invoke("lineage", "members.lable")
    assert result.exit_code == 1
    assert "error[SF0301]: `members` has no column `lable`" in result.stderr
    assert "did you mean `label`" in result.stderr
    assert "unknown model `membres`" in invoke("lineage", "membres.label").stderr


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orders", ("orders", None)),
        ("orders.id", ("orders", "id")),
        ("raw.orders", ("raw.orders", None)),
        ("raw.orders.id", ("raw.orders", "id")),
        ("orders.a.b", ("orders", "a.b")),
        ("ordres.id", ("ordres", "id")),
        ("raw.ordres", ("raw.ordres", None)),
    ],
)
def test_a_column_is_told_from_a_source_by_the_names_that_there_are(
    text: str, parts: tuple[str, str | None]
) -> None:
    assert split(text, ["orders", "raw.orders"]) == parts


def hop(column: str, depth: int, *reads: str, text: str = "") -> Hop:
    node = NodeId("model.p.m")
    return Hop(
        node=node,
        name="m",
        column=column,
        depth=depth,
        kind="value",
        text=text,
        reads=tuple(ColumnRef(node, read) for read in reads),
    )


NAMES = Names(names={NodeId("model.p.m"): "m"}, opaque=frozenset())


def test_what_is_reached_twice_is_followed_once() -> None:
    hops = [hop("a", 0, "b", "c"), hop("b", 1, "d"), hop("c", 1, "d"), hop("d", 2, "e"), hop("e", 3)]
    assert trace_text(hops, NAMES, down=False, paint=no_colour, width=None).splitlines() == [
        "m.a  a",
        "  m.b  b",
        "    m.d  d",
        "      m.e  e",
        "  m.c  c",
        "    m.d  (see above)",
    ]


def test_a_way_of_thousands_of_hops_is_drawn() -> None:
    hops = [hop(f"c{i}", i, f"c{i + 1}") for i in range(5000)]
    drawn = trace_text(hops, NAMES, down=False, paint=no_colour, width=None).splitlines()
    assert len(drawn) == 5000
    assert drawn[-1].strip() == "m.c4999  c4999"


def test_an_expression_is_cut_where_the_terminal_ends() -> None:
    drawn = trace_text([hop("a", 0, text="x" * 80)], NAMES, down=False, paint=no_colour, width=40)
    assert drawn == "m.a  " + "x" * 32 + "..."
    assert len(drawn) == 40


def test_a_long_list_is_counted() -> None:
    refs = tuple(ColumnRef("model.p.m", f"c{i}") for i in range(12))
    link = Link(column="a", values=refs, rows=(), opaque=())
    drawn = sources_text(NodeId("model.p.m"), [link], (), NAMES, paint=no_colour)
    assert drawn == "a  " + ", ".join(f"m.c{i}" for i in range(8)) + " and 4 more"
    short = Link(column=None, values=refs[:9], rows=(), opaque=())
    assert readers_text([short], NAMES, paint=no_colour).endswith("m.c7, m.c8")


def test_a_control_character_in_a_name_does_not_reach_the_terminal() -> None:
    drawn = trace_text([hop("a\x1b[2J", 0, text="\x1b]0;x")], NAMES, down=False, paint=no_colour, width=None)
    assert "\x1b" not in drawn


def test_each_value_hop_of_the_example_is_drawn(flights: Path) -> None:
    project = sqlflow.load(flights)
    schemas = project.schemas()
    names = Names(
        names={node.id: node.name for node in project.nodes()},
        opaque=frozenset(node for node, schema in schemas.items() if schema.opaque),
    )
    traced = 0
    for node in project.nodes():
        for column in schemas[node.id].columns if node.kind is not NodeKind.TEST else ():
            for down in (False, True):
                hops = project.lineage(node.name, column.name, down=down)
                text = trace_text(hops, names, down=down, paint=no_colour, width=None)
                values = text.partition("\nrows:")[0].partition("\nopaque:")[0].splitlines()
                assert {line.split()[0] for line in values} == {
                    f"{hop.name}.{hop.column}" for hop in hops if hop.kind == "value"
                }
                assert not values[0].startswith(" ")
                assert all(line.startswith(" ") for line in values[1:])
                traced += 1
    assert traced > 500


def test_the_lineage_of_the_example_reaches_its_sources(flights: Path) -> None:
    found = dict(
        line.split(maxsplit=1) for line in lines("lineage", "carrier_delays", "--project", str(flights))
    )
    assert found["carrier_name"] == "airlines.name"
    assert found["longest_arrival_delay"] == "raw.flights.arr_delay"
    assert found["flights"] == "no column"


# imports


@pytest.mark.parametrize("command", ["schema", "lineage"])
def test_help_imports_nothing_heavy_for_columns_either(command: str) -> None:
    assert heavy(loaded(command, "--help")) == set()
