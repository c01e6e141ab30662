"""What the README shows is true: its commands, its models, its error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import sqlflow
from sqlflow.cli.main import COMMANDS, cli
from tests.sources import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CHECKED = (
    "pip install '.[example]' && sqlflow build --project example_project",
    "pip install -e '.[dev]' && pytest",
)
SETTINGS = """
name: shop
target: dev
targets:
  dev: {type: duckdb, path: shop.duckdb}
vars: {first_day: "2024-01-02"}
"""
ORDERS = """
select * from (values
    (1, 10.0, date '2024-01-01'), (1, 1.0, date '2024-01-02'), (1, 2.0, date '2024-01-02'),
    (1, 4.0, date '2024-01-03'), (2, 8.0, date '2024-01-03')
) as orders(customer_id, amount, ordered_on)
"""


def shown_files() -> dict[str, str]:
    """Gives the files that the README shows: blocks of code that begin with a path."""
    blocks = re.findall(r"```(?:sql|yaml|python)\n(?:--|#) (models/\S+)\n(.*?)```", README, re.DOTALL)
    return dict(blocks)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of the README's files, and of a model that they read."""
    for path, text in {
        **shown_files(),
        "sqlflow.yml": SETTINGS,
        "models/staging/stg_orders.sql": ORDERS,
    }.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", CHECKED)
def test_the_commands_are_the_ones_that_are_checked(command: str) -> None:
    assert f"\n{command}\n" in README
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_table_of_commands_is_complete() -> None:
    assert re.findall(r"^\| `sqlflow (\w+)", README, re.MULTILINE) == list(COMMANDS)


def test_the_models_build(shop: Path) -> None:
    assert len(shown_files()) == 3
    project = sqlflow.load(shop)
    ended = [event for event in project.build() if isinstance(event, sqlflow.NodeFinished)]
    assert {event.status for event in ended} == {sqlflow.Status.SUCCESS}
    assert sum(event.kind == "test" for event in ended) == 2
    loyal = project.show("loyal_customers").rows
    assert [(row[0], row[1], float(str(row[2]))) for row in loyal] == [(1, 3, 7.0)]
    revenue = project.show("daily_revenue").rows
    assert [(str(row[0]), float(str(row[1]))) for row in revenue] == [
        ("2024-01-01", 10.0),
        ("2024-01-02", 3.0),
        ("2024-01-03", 12.0),
    ]


def test_the_error_looks_as_shown(shop: Path) -> None:
    model = shop / "models/marts/loyal_customers.sql"
    text = "-- models/marts/loyal_customers.sql\n" + model.read_text(encoding="utf-8")
    model.write_text(text.replace("from stg_orders", "from stg_order"), encoding="utf-8")
    (shown,) = re.findall(r"```\n(error\[.*?)\n```", README, re.DOTALL)
    ran = CliRunner().invoke(cli, ["compile", "--project", str(shop)])
    assert ran.exit_code == 1
    assert shown in ran.output


def test_links_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md"):
        text = document.read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
