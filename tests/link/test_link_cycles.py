"""Cycles are said with their whole path; what is not in one is still bound."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.ids import NodeId
from sqlflow.link.order import topological
from tests.compiler.projects import compiled


def paths(files: dict[str, str]) -> list[str]:
    project = compiled(files)
    assert {d.code for d in project.diagnostics} <= {Code.CYCLE}
    return [d.message.removeprefix("models read each other in a cycle: ") for d in project.diagnostics]


def test_a_cycle_of_two_has_every_place() -> None:
    project = compiled({"a.sql": "select * from b", "b.sql": "select 1 from {{ ref('a') }}"})
    diagnostic = project.only()
    assert diagnostic.message == "models read each other in a cycle: a -> b -> a"
    assert project.at(diagnostic.span) == ("models/a.sql", "b")
    assert diagnostic.label == "a reads b"
    (label,) = diagnostic.labels
    assert label.message == "b reads a"
    assert project.at(label.span)[0] == "models/b.sql"
    assert "ref('a')" in project.at(label.span)[1]


def test_a_long_cycle() -> None:
    files = {f"m{i}.sql": f"select * from m{(i + 1) % 6}" for i in range(6)}
    assert paths(files) == ["m0 -> m1 -> m2 -> m3 -> m4 -> m5 -> m0"]


def test_a_model_that_references_itself() -> None:
    assert paths({"a.sql": "select * from {{ ref('a') }}"}) == ["a -> a"]


def test_two_cycles_at_once() -> None:
    files = {
        "a.sql": "select * from b",
        "b.sql": "select * from a",
        "c.sql": "select * from d, b",
        "d.sql": "select * from c",
    }
    assert paths(files) == ["a -> b -> a", "c -> d -> c"]


def test_what_reads_a_cycle_is_not_in_it() -> None:
    files = {"a.sql": "select * from b", "b.sql": "select * from a", "c.sql": "select * from a"}
    assert paths(files) == ["a -> b -> a"]
    assert paths({**files, "0.sql": "select * from c"}) == ["a -> b -> a"]


def test_through_an_ephemeral_model_and_through_a_hook() -> None:
    assert paths(
        {
            "a.sql": "{{ config(materialized='ephemeral') }}select * from b",
            "b.sql": "{{ config(pre_hook=\"select 1 from {{ ref('a') }}\") }}select 1 as id",
        }
    ) == ["a -> b -> a"]


def test_an_incremental_model_reads_itself_without_a_cycle() -> None:
    text = (
        "{{ config(materialized='incremental') }}select 1{% if is_incremental() %} from {{ this }}{% endif %}"
    )
    assert paths({"a.sql": text}) == []


def test_a_cycle_in_the_incremental_rendering_alone() -> None:
    text = "{{ config(materialized='incremental') }}select 1{% if is_incremental() %} from b{% endif %}"
    assert paths({"a.sql": text, "b.sql": "select * from a"}) == ["a -> b -> a"]


def test_tests_make_no_cycle() -> None:
    yml = """
models:
  - name: a
    columns: [{name: id, data_tests: [{relationships: {to: ref('b'), field: id}}]}]
"""
    files = {"a.sql": "select 1 as id", "b.sql": "select * from a", "a.yml": yml}
    files["tests/t.sql"] = "select * from a join b using (id) where false"
    assert paths(files) == []


def test_a_model_outside_of_a_cycle_is_bound() -> None:
    files = {
        "a.sql": "select * from b",
        "b.sql": "select * from a",
        "q.sql": "select * from c",
        "c.sql": "select 1",
    }
    assert compiled(files).sql() == 'select * from "main"."c"'


NODES = [NodeId(f"n{i}") for i in range(8)]


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(NODES), st.lists(st.sampled_from(NODES), max_size=4)))
def test_an_order_and_the_cycles_cover_all(edges: dict[NodeId, list[NodeId]]) -> None:
    parents = {node: tuple(edges.get(node, ())) for node in NODES}
    order, cycles = topological(parents)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    for node in order:
        assert all(place[parent] < place[node] for parent in parents[node])
    for cycle in cycles:
        assert len(set(cycle)) == len(cycle)
        for node, parent in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            assert parent in parents[node]
    # What has no place in the order leads to a cycle that was found.
    found = {node for cycle in cycles for node in cycle}
    for node in set(NODES) - set(order):
        above, stack = {node}, [node]
        while stack:
            for parent in parents[stack.pop()]:
                if parent not in above:
                    above.add(parent)
                    stack.append(parent)
        assert above & found
