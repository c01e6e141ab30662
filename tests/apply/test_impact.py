"""What reads none of the columns that changed is not built, and all tables are as if they were built anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apply.projects import Project, Run

TABLE = "{{ config(materialized='table') }} "
SEED = "id,amount,name\n1,10,a\n2,20,b\n2,20,b\n3,30,b\n"
P = "select id, amount, name from base"
READERS = {
    "ids": TABLE + "select id from p",
    "amounts": TABLE + "select id, amount from p",
    "counted": TABLE + "select count(*) as n from p",
    "starred": TABLE + "select * from p",
    "viewed": "select id, amount from p",
    "below_view": TABLE + "select id from viewed",
    "below_ids": TABLE + "select count(id) as n from ids",
    "below_star": TABLE + "select id from starred",
    "arms": TABLE + "select id as k from p union all select id from base",
}
FILES = {"seeds/base.csv": SEED, "p": TABLE + P, **READERS}
NAMES = [name for name in FILES if "/" not in name]


def contents(project: Project, names: list[str]) -> dict[str, Any]:
    """The columns and rows of tables and views, in no order."""
    return {
        name: (project.warehouse.columns(name), sorted(map(repr, project.rows(f"select * from {name}"))))
        for name in names
    }


def as_built_anew(project: Project, names: list[str] = NAMES) -> bool:
    """Whether building everything again changes nothing; after a plan that was carried out, none is left."""
    assert project.load().review().review.is_empty
    before = contents(project, names)
    project.built(force=True)
    assert contents(project, names) == before
    return True


def built(run: Run) -> set[str]:
    return {name for name, status in run.statuses.items() if status == "success"}


ALL = {*READERS}
# A change of `p`, and what else is built for it.
CHANGES = {
    "column added": (P, "select id, amount, name, amount * 2 as more from base", {"starred"}),
    "column in front": (P, "select 1 as more, id, amount, name from base", {"starred"}),
    "column dropped": (P, "select id, amount from base", {"starred"}),
    "column of another expression": (
        P,
        "select id, amount + 1 as amount, name from base",
        {"amounts", "viewed", "starred"},
    ),
    "column that two read": (P, "select id * 10 as id, amount, name from base", ALL - {"counted"}),
    "renamed": (P, "select id, amount, name as label from base", {"starred"}),
    "retyped": (
        P,
        "select id, cast(amount as decimal(9, 2)) as amount, name from base",
        {"amounts", "viewed", "starred"},
    ),
    "order of columns": (P, "select name, amount, id from base", {"starred"}),
    "filter": (P, P + " where id > 1", ALL),
    "distinct": ("select distinct id, amount from base", "select distinct id, amount, name from base", ALL),
    "distinct, and nothing changes": ("select distinct id, amount, name from base", P, ALL),
    "union": (
        "select id, amount from base union select id, amount from base",
        "select id, amount, name from base union select id, amount, '' from base",
        ALL,
    ),
    "union all": (
        "select id, amount from base union all select id, amount from base",
        "select id, amount, name from base union all select id, amount, '' from base",
        {"starred"},
    ),
    "other order on one side of union all": (
        "select id, amount from base union all select id, amount from base",
        "select id, amount from base union all select amount, id from base",
        ALL - {"counted"},
    ),
    "aggregate": (
        "select 1 as id, 2 as amount from base",
        "select 1 as id, 2 as amount, count(*) as n from base",
        ALL,
    ),
    "group by all": (
        "select id, sum(amount) as amount from base group by all",
        "select id, name, sum(amount) as amount from base group by all",
        ALL,
    ),
    "order by all with limit": (
        "select id, amount from base order by all limit 2",
        "select -id as x, id, amount from base order by all limit 2",
        ALL,
    ),
    "limit": (
        P + " order by id limit 2",
        "select id, amount + 1 as amount from base order by id limit 2",
        ALL,
    ),
    "shadowed in where": (
        "select id, amount from base where name = 'b'",
        "select id, amount, 'b' as name from base where name = 'b'",
        {"starred"},
    ),
    "shadowed in group by": (
        "select id, max(amount) as amount from base group by id, name",
        "select id, max(amount) as amount, 'b' as name from base group by id, name",
        None,
    ),
    "shadowed in having": (
        "select id, sum(amount) as amount from base group by id having max(name) = 'b'",
        "select id, sum(amount) as amount, max('a') as name from base group by id having max(name) = 'b'",
        ALL,
    ),
    "shadowed in order by": (
        "select id, amount from base order by name limit 1",
        "select id, amount, -amount as name from base order by name limit 1",
        ALL,
    ),
    "shadowed in qualify": (
        "select id, amount from base qualify rank() over (order by name) = 1",
        "select id, amount, -amount as name from base qualify rank() over (order by name) = 1",
        ALL,
    ),
    "in": (
        "select id, amount from base where id in (select id from base)",
        "select id, amount from base where (id, amount) in (select id, 10 from base)",
        ALL,
    ),
    "unnest": (P, "select id, amount, name, unnest([1, 2]) as n from base", ALL),
    "generate_series": (P, "select id, amount, name, unnest(generate_series(1, id)) as n from base", ALL),
    "row_number": (
        "select row_number() over (order by name) as id, amount from base",
        "select row_number() over (order by name) as id, amount, name from base",
        ALL - {"counted"},
    ),
    "key of an index": (P, "{{ config(indexes=[{'columns': ['id']}]) }}" + P, ALL),
    "hook": (P, "{{ config(post_hook='update {{ this }} set id = 7') }}" + P, ALL),
    "materialization": (P, "{{ config(materialized='view') }}" + P, ALL),
    "order of rows": (P, P + " order by amount", ALL),
    "column of a cte": (
        "with q as (select * from base) select id, amount from q",
        "with q as (select *, 1 as one from base) select id, amount from q",
        None,
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_a_change_reaches(duck: Project, kind: str) -> None:
    old, new, wanted = CHANGES[kind]
    duck.built({**FILES, "p": TABLE + old})
    planned = duck.write({"p": TABLE + new}).load().review().review
    run = duck.built()
    found = built(run)
    if wanted is not None:
        assert found - {"p"} == wanted
        assert ("p" in found) is bool(wanted)
    # What was planned is what was done.
    assert {work.name for work in planned.work} == found
    assert {one.name for one in planned.pruned} <= {n for n, s in run.statuses.items() if s == "unchanged"}
    assert as_built_anew(duck)


@pytest.mark.parametrize("kind", ["column added", "column of another expression", "union", "hook", "filter"])
def test_what_a_change_reaches_on_a_server(pg: Project, kind: str) -> None:
    old, new, wanted = CHANGES[kind]
    pg.built({**FILES, "p": TABLE + old})
    assert built(pg.built({"p": TABLE + new})) - {"p"} == wanted
    assert as_built_anew(pg)


def test_a_pruning_is_recorded(project: Project) -> None:
    project.built(FILES)
    run = project.built({"p": TABLE + "select id, amount, name, 1 as more from base"})
    assert run.nodes["ids"].reason == "reads none of the changed columns of p (more)"
    [(text,)] = project.rows(
        "select publication from _sqlflow.publications where node = 'model.shop.ids' and number = 2"
    )
    assert '"unread":{"model.shop.p":["more"]}' in text
    # What is below is not touched at all.
    assert "below_ids" in run.unchanged


def test_nothing_is_pruned_where_the_data_changed_too(project: Project) -> None:
    project.built(FILES)
    new = {"p": TABLE + "select id, amount, name, 1 as more from base", "seeds/base.csv": SEED + "4,40,c\n"}
    assert built(project.built(new)) == {"base", *NAMES}
    assert as_built_anew(project)


def test_data_that_changes_before_a_plan_is_carried_out(duck: Project) -> None:
    """What was to be left as it is, is built where it turns out that it can't be."""
    duck.built(
        {**FILES, "p": TABLE + "select id, amount from read_base"}
        | {"read_base": TABLE + "select * from base"}
    )
    saved = duck.write({"p": TABLE + "select id, amount, 1 as more from read_base"}).load().review().saved
    duck.built({"seeds/base.csv": SEED + "4,40,c\n"}, "base", "read_base")
    run = Run(list(duck.load().apply_saved(saved))).check()
    assert {"p", "ids", "amounts", "counted"} <= built(run)
    assert duck.rows("select count(*) from ids") == [(5,)]
    duck.built()
    assert as_built_anew(duck)


def test_a_change_that_is_built_alone_is_known_later(project: Project) -> None:
    """A child that missed several publications is pruned by what all of them changed."""
    project.built(FILES)
    project.built({"p": TABLE + "select id, amount, name, 1 as more from base"}, "p")
    project.built({"p": TABLE + "select id, amount, name || '!' as name, 1 as more from base"}, "p")
    run = project.built()
    assert run.nodes["ids"].reason == "reads none of the changed columns of p (more, name)"
    assert built(run) == {"starred"}
    project.built({"p": TABLE + "select id, amount, name from base"}, "p")
    project.built({"seeds/base.csv": SEED + "5,50,d\n"}, "base", "p")
    assert {"ids", "amounts", "counted"} <= built(project.built())
    assert as_built_anew(project)


@pytest.mark.layouts("direct", "virtual")
@pytest.mark.parametrize("kind", ["view", "table"])
def test_a_reader_that_is_built_before_what_it_reads(project: Project, kind: str) -> None:
    """Its star stands for the columns that are there, and not for those that there will be."""
    config = f"{{{{ config(materialized='{kind}') }}}} "
    starred = {"starred": TABLE + "select * from p", "below": TABLE + "select * from starred"}
    project.built({"seeds/base.csv": SEED, "p": config + P, **starred})
    project.write({"p": config + "select id, amount from base"})
    assert built(project.built({}, "starred", "below")) == {"starred", "below"}
    # What is left as it is once more has not become another one by that.
    assert built(project.built({}, "starred", "below")) == set()
    run = project.built()
    assert built(run) == {"p", "starred", "below"}
    assert [list(project.warehouse.columns(name)) for name in starred] == [["id", "amount"]] * 2
    assert as_built_anew(project, ["p", *starred])


def test_a_view_in_other_words(project: Project) -> None:
    """A star in what is there stands for the columns that come, though it means the same until then."""
    named, star = "select id, amount from p", "select * from p"
    p = [f"{TABLE}select id, amount{more} from base" for more in ("", ", 1 as a", ", 1 as a, 2 as b")]
    files = {"seeds/base.csv": SEED, "p": p[0], "v": star, "below": TABLE + "select id from v"}
    project.built(files)
    assert built(project.built({"v": named})) == set()
    assert built(project.built({"p": p[1]})) == {"p", "v"}
    assert list(project.warehouse.columns("v")) == ["id", "amount"]
    # And back, more than once.
    project.built({"p": p[0], "v": named})
    assert built(project.built({"v": star})) == set()
    project.built({"p": p[0] + " where id > 1"})
    project.built({"p": p[2], "v": named})
    assert list(project.warehouse.columns("v")) == ["id", "amount"]
    assert as_built_anew(project, ["p", "v", "below"])


def test_through_several_models(duck: Project) -> None:
    files = {
        "p": TABLE + "select 1 as id, 2 as amount, 3 as other",
        "view": "select * from p",
        "inline": "{{ config(materialized='ephemeral') }} select id, amount + 1 as sum, other from view",
        "middle": TABLE + "select id, sum, other from inline",
        "total": TABLE + "select sum(sum) as total from middle",
        "others": TABLE + "select other from middle",
        "below_total": TABLE + "select total from total",
    }
    names = [name for name in files if name != "inline"]
    duck.built(files)
    found = duck.write({"p": files["p"].replace("2 as amount", "5 as amount")}).load().review().review
    assert {work.name: work.columns for work in found.work} == {
        "p": (),
        "view": (("p.amount", "view.amount"),),
        "middle": (("view.amount", "middle.sum"),),
        "total": (("middle.sum", "total.total"),),
        "below_total": (("total.total", "below_total.total"),),
    }
    assert {one.name: one.unread for one in found.pruned} == {"others": {"middle": ("sum",)}}
    assert built(duck.built()) == {work.name for work in found.work}
    assert as_built_anew(duck, names)


def test_what_takes_all_columns(duck: Project) -> None:
    """A dataframe is given all of them; a view that is looked at by the places of its columns, too."""
    python = "import pyarrow\n\n\ndef frame(p: pyarrow.Table):\n    return p\n"
    files = {
        "p": TABLE + "select 1 as id, 2 as amount",
        "models/frame.py": python,
        "places": TABLE + "select x from p as q(x, y)",
        "rows": TABLE + "select p as r from p",
        "joined": TABLE + "select l.id from p as l natural join other",
        "other": TABLE + "select 1 as id, 4 as more",
    }
    duck.built(files)
    run = duck.built({"p": TABLE + "select 3 as more, 1 as id, 2 as amount"})
    assert built(run) == {"p", "frame", "places", "rows", "joined"}
    assert duck.rows("select count(*) from joined") == [(0,)]
    assert as_built_anew(duck, ["frame", "places", "rows", "joined"])


def test_increments_and_snapshots_stay(duck: Project) -> None:
    """What would be added for a column that they don't read is nothing."""
    files = {
        "p": TABLE + "select 1 as id, 2 as amount",
        "added": "{{ config(materialized='incremental') }} select id from p"
        "{% if is_incremental() %} where id > (select max(id) from {{ this }}) or true{% endif %}",
        "snapshots/s.sql": "{% snapshot s %}"
        "{{ config(unique_key='id', strategy='check', check_cols=['id']) }} "
        "select id from {{ ref('p') }}{% endsnapshot %}",
    }
    duck.built(files)
    run = duck.built({"p": TABLE + "select 1 as id, 3 as amount"})
    assert built(run) == {"p"}
    assert duck.rows("select id from added") == [(1,)]
    assert duck.rows("select count(*) from s") == [(1,)]
    assert built(duck.built({"p": TABLE + "select 2 as id, 3 as amount"})) == {"p", "added", "s"}


def test_an_increment_tells_nothing_of_what_it_is_like(duck: Project) -> None:
    config = "{{ config(materialized='incremental') }} "
    duck.built({"p": config + "select 1 as id, 2 as amount", "ids": TABLE + "select id from p"})
    assert built(duck.built({"p": config + "select 1 as id, 3 as amount"})) == {"p", "ids"}
    assert duck.rows("select count(*) from ids") == [(2,)]


def test_what_is_asked_for_is_built(duck: Project) -> None:
    duck.built(FILES)
    duck.write({"p": TABLE + "select id, amount, name, 1 as more from base"})
    assert built(duck.built(force=True)) >= {*NAMES}
    # Who asks for it may know of something that nobody else does.
    duck.built(None, "p", force=True)
    assert "ids" in built(duck.built())


def test_audits_that_read_what_changed(project: Project) -> None:
    test = "select i.id from ids as i join p on p.id = i.id where p.amount < 0"
    project.built({**FILES, "tests/positive.sql": test})
    changed = {"p": TABLE + "select id, amount - 100 as amount, name from base"}
    assert "ids" in {work.name for work in project.write(changed).load().review().review.work}
    run = project.build()
    assert run.statuses["positive"] == "fail"
    assert run.statuses["ids"] == "fail"
    # One that reads nothing of it does not have to run.
    project.built(
        {"tests/positive.sql": "select i.id from ids as i left join p on p.id = i.id where p.id is null"}
    )
    run = project.built({"p": TABLE + "select id, amount - 100 as amount, name || '?' as name from base"})
    assert built(run) == {"p", "starred"}


def test_audits_that_reach_further_up(duck: Project) -> None:
    """A test of what is not even read by a neighbour of what changed."""
    files = {
        "p": TABLE + "select 1 as id, 2 as amount",
        "middle": TABLE + "select id from p",
        "last": TABLE + "select id from middle",
        "tests/positive.sql": "select 1 from last join p on p.id = last.id where p.amount < 0",
    }
    duck.built(files)
    found = duck.write({"p": TABLE + "select 1 as id, -2 as amount"}).load().review().review
    assert {work.name: work.reason for work in found.work} == {
        "p": "its code changed",
        "last": "positive reads p",
    }
    assert duck.build().statuses == {
        "p": "success",
        "middle": "unchanged",
        "last": "fail",
        "positive": "fail",
    }
    # So it does where it is built bit by bit.
    duck.built({"p": TABLE + "select 1 as id, 2 as amount"})
    duck.built({"p": TABLE + "select 1 as id, -2 as amount"}, "p", "middle", exclude=["positive"])
    assert duck.build().statuses["positive"] == "fail"


def test_audits_that_read_a_source(duck: Project) -> None:
    files = {
        "data/prices.csv": "id,price\n1,10\n",
        "models/p.yml": "sources: [{name: raw, tables: [{name: prices, location: data/prices.csv}]}]",
        "p": TABLE + "select id, 2 as amount from raw.prices",
        "last": TABLE + "select id from p",
        "tests/dear.sql": "select 1 from last join raw.prices as r on r.id = last.id where r.price > 50",
    }
    duck.built(files)
    assert duck.load().review().review.is_empty
    run = duck.built({"p": TABLE + "select id, 3 as amount from raw.prices"})
    assert built(run) == {"p"}
    assert duck.load().review().review.is_empty
    run = duck.build({"data/prices.csv": "id,price\n1,100\n"})
    assert (run.statuses["last"], run.statuses["dear"]) == ("fail", "fail")


def test_names_fold_as_the_engine_folds(pg: Project) -> None:
    files = {
        "p": TABLE + 'select 1 as id, 2 as "Id", 3 as AMOUNT',
        "lower_": TABLE + "select ID from p",
        "upper_": TABLE + 'select "Id" from p',
        "amounts": TABLE + "select amount from p",
    }
    pg.built(files)
    assert built(pg.built({"p": files["p"].replace("2 as", "5 as")})) == {"p", "upper_"}
    assert built(pg.built({"p": files["p"].replace("2 as", "5 as").replace("3 as", "4 as")})) == {
        "p",
        "amounts",
    }
    assert built(pg.built({"p": files["p"].replace("1 as", "7 as")})) == {"p", "lower_", "upper_", "amounts"}
    assert as_built_anew(pg, [*files])


def test_a_view_that_holds_on_to_a_table(pg: Project) -> None:
    """On PostgreSQL a view is bound to the columns that its text names."""
    files = {
        "p": TABLE + "select 1 as id, 2 as amount, 3 as more",
        "v": "with q as (select * from p) select id from q",
        "w": "select id from p",
        "k": TABLE + "select id from v",
    }
    pg.built(files)
    run = pg.built({"p": TABLE + "select 1 as id, 'x' as amount"})
    assert built(run) == {"p", "v"}
    assert pg.rows("select count(*) from v") == [(1,)]
    pg.warehouse.execute("update p set id = 9")
    assert pg.rows("select id from w") == pg.rows("select id from v") == [(9,)]


def test_renamed_columns_with_checksums(duck: Project) -> None:
    """A checksum says nothing of names."""
    config = "{{ config(materialized='table', checksum=true) }} "
    duck.built({"p": config + "select 1 as id, 2 as amount", "k": TABLE + "select id from p"})
    duck.built({"p": config + "select 1 as amount, 2 as id"})
    assert duck.rows("select id from k") == [(2,)]


def test_a_state_from_before(duck: Project) -> None:
    """Versions were told by their texts alone: nothing is built where they are of another digest now."""
    duck.built(FILES)
    duck.warehouse.execute(
        'update _sqlflow.publications set publication = replace(publication, \'"code":"\', \'"code":"0\')',
        "update _sqlflow.versions set version = '0' || version",
    )
    assert built(duck.built()) == set()
    assert built(duck.built({"p": TABLE + P.replace("amount", "amount + 1 as amount")})) == {
        *("p", "amounts", "viewed", "starred")
    }
