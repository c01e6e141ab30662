"""How snapshots are declared, and what their settings mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.config import HardDeletes, MetaColumns, SnapshotConfig, SnapshotStrategy
from sqlflow.project.snapshot_blocks import split_snapshots
from tests.compiler.projects import DUCKDB, compiled, names

M = "select 1 as id, 'a' as name, timestamp '2024-01-01 00:00:00' as changed"
CONFIG = "config(unique_key='id', strategy='check', check_cols='all')"
PLAIN = f"{{{{ {CONFIG} }}}}\nselect * from m"
BLOCKS = f"""
-- Two in one file.
{{# {{% snapshot none %}} #}}
{{% snapshot a %}}
{{{{ {CONFIG} }}}}
select * from m
{{% endsnapshot %}}

{{%- snapshot b -%}} {{{{ {CONFIG} }}}} select id, name from {{{{ ref('m') }}}} {{%- endsnapshot -%}}
"""


def test_three_ways_to_declare() -> None:
    found = compiled(
        {
            "m.sql": M,
            "snapshots/blocks.sql": BLOCKS,
            "snapshots/deep/c.sql": PLAIN,
            "snapshots/d.yml": """
snapshots:
  - name: d
    relation: ref('m')
    description: All of m.
    config: {unique_key: id, strategy: timestamp, updated_at: changed, tags: [x]}
    columns: [{name: id, data_tests: [unique]}]
  - name: a
    description: The first block.
  - name: e
    relation: m
    config: {unique_key: id, strategy: check, check_cols: [name]}
""",
            "below.sql": "select a.id from a join {{ ref('d') }} as d "
            "on a.id = d.id and d.dbt_valid_to is null",
        }
    ).clean()
    snapshots = [id for id in found.program.models if id.startswith("snapshot.")]
    assert names(snapshots) == ["a", "b", "c", "d", "e"]
    assert found.parents("model.shop.below") == ["snapshot.shop.a", "snapshot.shop.d"]
    assert found.parents("test.shop.unique_d_id") == ["snapshot.shop.d"]
    nodes = {node.name: node for node in found.graph.nodes.values()}
    assert (nodes["c"].folders, nodes["c"].path) == (("deep",), "snapshots/deep/c.sql")
    assert (nodes["a"].description, nodes["a"].materialized) == ("The first block.", "snapshot")
    assert (nodes["d"].description, nodes["d"].tags) == ("All of m.", ("x",))
    texts = {id.rsplit(".", 1)[1]: model.full.sql.strip() for id, model in found.program.models.items()
             if id in snapshots and model.full is not None}  # fmt: skip
    assert texts == {
        "a": 'select * from "main"."m"',
        "b": 'select id, name from "main"."m"',
        "c": 'select * from "main"."m"',
        "d": 'SELECT * FROM "main"."m"',
        "e": 'SELECT * FROM "main"."m"',
    }


def test_places_in_a_block_are_those_of_the_file() -> None:
    found = compiled({"m.sql": M, "snapshots/s.sql": BLOCKS.replace("select id, name", "select idd")})
    assert ("snapshots/s.sql", "idd") in [found.at(d.span) for d in found.diagnostics]


def test_a_mistake_in_a_relation_is_told_at_its_place() -> None:
    text = (
        "snapshots:\n- name: s\n  relation: ref('mm')\n"
        "  config: {unique_key: id, strategy: check, check_cols: all}"
    )
    found = compiled({"m.sql": M, "snapshots/s.yml": text})
    assert found.shown() == [("unknown model `mm`", "snapshots/s.yml", "ref('mm')")]
    found = compiled({"m.sql": M, "snapshots/s.yml": text.replace("ref('mm')", "select 1")})
    assert ("`select 1` is not a reference", "snapshots/s.yml", "select 1") in found.shown()


def config_of(text: str) -> SnapshotConfig | None:
    found = compiled(
        {"m.sql": M, "snapshots/s.sql": f"{{{{ config(unique_key='id', {text}) }}}} select * from m"}
    )
    return found.clean().model_of("snapshot.shop.s").config.snapshot


def test_settings() -> None:
    assert config_of("strategy='timestamp', updated_at='changed'") == SnapshotConfig(
        strategy=SnapshotStrategy.TIMESTAMP, updated_at="changed"
    )
    assert config_of("strategy='check', check_cols=['name'], invalidate_hard_deletes=true") == SnapshotConfig(
        strategy=SnapshotStrategy.CHECK, check_cols=("name",), hard_deletes=HardDeletes.INVALIDATE
    )
    assert config_of(
        "strategy='check', check_cols='all', hard_deletes='new_record', target_schema='past', "
        "dbt_valid_to_current='CAST(\\'9999-12-31\\' AS TIMESTAMP)', "
        "snapshot_meta_column_names={'dbt_valid_from': 'since'}"
    ) == SnapshotConfig(
        strategy=SnapshotStrategy.CHECK,
        hard_deletes=HardDeletes.NEW_RECORD,
        target_schema="past",
        valid_to_current="CAST('9999-12-31' AS TIMESTAMP)",
        columns=MetaColumns(dbt_valid_from="since"),
    )


def test_folders_and_names() -> None:
    settings = DUCKDB + (
        "snapshots: {+unique_key: id, +strategy: check, deep: {+check_cols: all, +schema: past}}\n"
        "snapshot-paths: [history]\n"
    )
    found = compiled(
        {
            "m.sql": M,
            "history/deep/s.sql": "select * from m",
            "history/deep/t.sql": "{{ config(target_schema='whole', schema=none, alias='tt') }} "
            "select * from m",
        },
        settings=settings,
    ).clean()
    relations = [found.model_of(f"snapshot.shop.{name}").relation for name in "st"]
    assert [str(relation) for relation in relations] == ["main_past.s", "whole.tt"]


TWICE = "{'dbt_valid_from': 'x', 'dbt_valid_to': 'X'}"
MISSING = "the snapshot has no "


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ("", [(MISSING + "`unique_key`", ""), (MISSING + "`strategy`", "")]),
        ("unique_key='id', strategy='timestamp'", [(MISSING + "`updated_at`", "")]),
        ("unique_key='id', strategy='check'", [(MISSING + "`check_cols`", "")]),
        (
            "unique_key='id', strategy='chek', check_cols='all'",
            [("`chek` is not a value of `strategy`", "'chek'")],
        ),
        (
            "unique_key='id', strategy='timestamp', updated_at='changed', check_cols='all'",
            [("`check_cols` is not looked at by the strategy `timestamp`", "'all'")],
        ),
        ("unique_key='id', strategy='check', check_cols=[]", [("`check_cols` is empty", "[]")]),
        (
            "unique_key='id', strategy='check', check_cols='all', "
            "hard_deletes='ignore', invalidate_hard_deletes=true",
            [("`hard_deletes` and `invalidate_hard_deletes` say the same thing", "true")],
        ),
        (
            "unique_key='id', strategy='check', check_cols='all', schema='a', target_schema='b'",
            [("`schema` and `target_schema` say the same thing", "'b'")],
        ),
        (
            "unique_key='id', strategy='check', check_cols='all', materialized='table'",
            [("unknown key `materialized` in the config of a snapshot", "materialized")],
        ),
        (
            "unique_key='id', strategy='check', check_cols='all', "
            f"snapshot_meta_column_names={TWICE}",
            [("`dbt_valid_from` and `dbt_valid_to` have the same name", TWICE)],
        ),
        (
            "unique_key=['id', 'idd'], strategy='check', check_cols=['nme']",
            [
                ("the query of `s` has no column `idd`", "['id', 'idd']"),
                ("the query of `s` has no column `nme`", "['nme']"),
            ],
        ),
        (
            "unique_key='id', strategy='timestamp', updated_at='name'",
            [("`name` is VARCHAR, and `updated_at` has to be a time", "'name'")],
        ),
        (
            "unique_key='id', strategy='check', check_cols='all', dbt_valid_to_current='1 as x'",
            [("`dbt_valid_to_current` is not an SQL expression of its own", "'1 as x'")],
        ),
        (
            "unique_key='id', strategy='check', check_cols='all', dbt_valid_to_current='changed'",
            [("`dbt_valid_to_current` is not an SQL expression of its own", "'changed'")],
        ),
    ],
)  # fmt: skip
def test_wrong_settings(config: str, shown: list[tuple[str, str]]) -> None:
    found = compiled({"m.sql": M, "snapshots/s.sql": f"{{{{ config({config}) }}}} select * from m"})
    assert [(message, text) for message, _, text in found.shown()] == shown
    assert all(diagnostic.help for diagnostic in found.diagnostics)


def test_a_column_under_the_name_of_one_that_is_added() -> None:
    found = compiled({"m.sql": M, "snapshots/s.sql": PLAIN.replace("*", "id, name as DBT_Valid_From")})
    assert found.shown() == [
        (
            "the query of `s` has a column `DBT_Valid_From`, which the snapshot adds",
            "snapshots/s.sql",
            "name",
        )
    ]


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("{% snapshot a %} select 1", "the snapshot has no end", "{% snapshot a %}"),
        (
            "{% snapshot a %} {% snapshot b %} {% endsnapshot %}",
            "the snapshot has no end",
            "{% snapshot a %}",
        ),
        ("select 1 {% endsnapshot %}", "there is no snapshot that ends here", "{% endsnapshot %}"),
        ("{% snapshot %} select 1 {% endsnapshot %}", "a snapshot needs a name", "{% snapshot %}"),
        (
            "{% snapshot a %} select 1 {% endsnapshot %} -- over\n select 2",
            "what stands outside of the snapshots of this file is not read",
            "select 2",
        ),
    ],
)
def test_broken_blocks(text: str, message: str, at: str) -> None:
    _, (diagnostic,) = split_snapshots(text, "s.sql")
    assert diagnostic.message == message and diagnostic.span is not None
    assert text[diagnostic.span.start : diagnostic.span.end] == at


def test_a_name_is_taken_by_models_as_well() -> None:
    found = compiled({"m.sql": M, "snapshots/m.sql": PLAIN})
    assert "the name `m` is taken: models, seeds and snapshots share their names" in [
        m for m, *_ in found.shown()
    ]


def test_properties_without_a_snapshot() -> None:
    found = compiled({"m.sql": M, "s.yml": "snapshots: [{name: s}]"})
    assert found.only().help == "a snapshot that is declared here needs `relation:`"
    found = compiled({"m.sql": M, "s.yml": "snapshots: [{name: m}]"})
    assert found.only().help == "put it below `models:`"


_PIECES = st.sampled_from(
    ["{% snapshot a %}", "{%- endsnapshot -%}", "{% snapshot %}", "{#", "#}", "{% raw %}", "{% endraw %}",
     "select 1", "\n", "'", '"', "%}", "{%", "-- x"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_what_is_kept_of_a_file_stays_in_its_place(text: str) -> None:
    blocks, _ = split_snapshots(text, "s.sql")
    for block in blocks:
        assert len(block.text) == len(text)
        assert text[block.span.start : block.span.end].startswith("{%")
        kept = block.text[block.span.end :].partition("{#-")[0]
        assert text[block.span.end :].startswith(kept)
