"""`--skip-backfill`: only what computes no rows is the rest stays due."""

from __future__ import annotations

import pytest

from sqlflow.plan.saved import decode_plan, encode_plan
from tests.apply.engines import duck, pg, project
from tests.apply.projects import Project, Run
from tests.apply.test_environments import CHANGED, FILES, NODES, shown, taken

__all__ = ["duck", "pg", "project"]

TABLE = "{{ config(materialized='table') }} "


@pytest.fixture
def virtual(project: Project) -> Project:
    project.layout = "virtual"
    return project


def not_filled(project: Project, environment: str = "prod", **options: bool) -> set[str]:
    review = project.load(environment).review(**options).review
    return {one.name for one in review.not_filled}


def test_what_would_have_to_be_filled_is_left_and_stays_due(virtual: Project) -> None:
    virtual.built(FILES)
    before = shown(virtual)
    virtual.write({**CHANGED, "beside": TABLE + "select 2 as one", "alone": "select 3 as three"})
    due = {work.name for work in virtual.load().review().review.work}
    found = virtual.load().review(skip_backfill=True).review
    assert {one.name for one in found.not_filled} == {"orders", "v", "totals", "more", "beside"}
    assert {work.name for work in found.work} == {"alone"}
    assert {"orders", "beside"} <= {change.name for change in found.changes}
    run = virtual.built({}, skip_backfill=True)
    assert run.done == {"alone"}
    assert shown(virtual) == before
    assert {work.name for work in virtual.load().review().review.work} == due - {"alone"}
    assert virtual.built().done == due - {"alone"}


def test_promotion_is_all_takes(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.built(CHANGED, environment="dev")
    run = virtual.built({}, skip_backfill=True)
    assert (run.done, taken(run).keys()) == (set(), {"orders", "v", "totals", "more"})
    assert not_filled(virtual, skip_backfill=True) == set()
    assert shown(virtual, "prod", "totals") == {"totals": [(40,)]}


def test_an_environment_begins_as_prod_is(virtual: Project) -> None:
    virtual.built(FILES)
    virtual.write(CHANGED)
    run = virtual.built({}, environment="dev", skip_backfill=True)
    assert run.done == set()
    assert shown(virtual, "dev") == shown(virtual)
    assert not_filled(virtual, "dev", skip_backfill=True) == {"orders", "v", "totals", "more"}


def test_what_is_gone_stays_while_what_is_left_shows_it(virtual: Project) -> None:
    files = {
        **FILES,
        "both": "select id, one from orders cross join beside_view",
        "beside_view": "select 1 as one",
    }
    virtual.built({**files, "unread": "select 1 as one"})
    for name in ("beside_view", "unread"):
        (virtual.root / f"models/{name}.sql").unlink()
    virtual.write({**CHANGED, "both": "select id, 2 as one from orders"})
    saved = decode_plan(encode_plan(virtual.load().review(skip_backfill=True).saved, {}))
    assert (saved.skip_backfill, [*saved.removes]) == (True, ["model.shop.unread"])
    run = Run(list(virtual.load().apply_saved(saved))).check()
    assert run.done == set()
    assert virtual.rows(f'select one from "{virtual.warehouse.schema}".both') == [(1,), (1,)]
    assert "unread" not in virtual.warehouse.names()


def test_views_and_descriptions_are_no_rows(project: Project) -> None:
    project.built(FILES)
    project.write(
        {
            "v": "select id, amount * 3 as twice from orders",
            "models/p.yml": "models: [{name: beside, description: One., "
            "config: {persist_docs: {relation: true}}}]",
        }
    )
    run = project.built({}, skip_backfill=True)
    assert (run.done, run.statuses["beside"]) == ({"v"}, "unchanged")
    assert project.rows("select twice from v order by 1") == [(30,), (60,)]
    assert not_filled(project, skip_backfill=True) == {"totals"}
    assert project.built().done == {"totals"}


def test_new_rows_are_left_for_later(project: Project) -> None:
    assert project.built(FILES, skip_backfill=True).done == set()
    assert not_filled(project, skip_backfill=True) == NODES
    assert project.built().done == NODES


@pytest.mark.parametrize("options", [{"full_refresh": True}, {"start": "x"}])
def test_rows_are_not_asked_for_at_once(duck: Project, options: dict[str, object]) -> None:
    duck.write(FILES)
    with pytest.raises(ValueError, match="backfill"):
        duck.load().review(skip_backfill=True, **options)  # pyright: ignore[reportArgumentType]
