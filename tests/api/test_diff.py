"""What two environments show, compared."""

from __future__ import annotations

import pytest

from sqlflow.core.diagnostic import ProjectError
from sqlflow.plan.comparison import Comparison, KeyOrigin
from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project

__all__ = ["duck", "pg", "project"]

TABLE = "{{ config(materialized='table', unique_key='id') }} "
FILES = {
    "seeds/s.csv": "id,amount\n1,10\n2,20\n3,30\n",
    "orders": TABLE + "select id, amount from s",
    "v": "select id, amount * 2 as twice from orders",
    "beside": TABLE + "select 1 as id",
}
CHANGED = TABLE + "select id, amount + 1 as amount, 'new' as note from s where id < 3"


def diff(project: Project, *select: str) -> dict[str, Comparison]:
    return {one.name: one for one in project.load().diff("prod", "dev", select)}


@pytest.mark.layouts("virtual", "direct")
def test_two_environments(project: Project, layout: str) -> None:
    project.built(FILES)
    project.built({"orders": CHANGED}, environment="dev")
    found = diff(project)
    assert found.keys() == {"s", "orders", "v", "beside"}
    assert {name for name, one in found.items() if not one.is_equal} == {"orders", "v"}
    # What is shared is not looked at.
    assert found["beside"].is_one == (layout == "virtual")
    orders, v = found["orders"].rows, found["v"].rows
    assert orders is not None
    assert v is not None
    assert orders.key.origin is KeyOrigin.UNIQUE_KEY
    assert (orders.only_left, orders.only_right, orders.equal, orders.different) == (1, 0, 0, 2)
    assert [column.name for column in found["orders"].columns.added] == ["note"]
    assert v.key.origin is KeyOrigin.NONE
    assert (v.only_left, v.only_right) == (3, 2)
    assert diff(project, "v+").keys() == {"v"}


def test_an_environment_that_is_not_there(duck: Project) -> None:
    duck.built(FILES)
    with pytest.raises(ProjectError) as raised:
        diff(duck)
    [diagnostic] = raised.value.diagnostics
    assert (diagnostic.message, diagnostic.help) == ("there is no environment `dev`", "there are: prod")


def test_a_model_that_one_environment_has(project: Project) -> None:
    project.layout = "virtual"
    project.built(FILES)
    project.built({"new": "select 1 as id"}, environment="dev")
    found = diff(project)
    assert {name for name, one in found.items() if not one.is_equal} == {"new"}
    assert (found["new"].left, found["new"].rows) == (None, None)
