"""What a plan holds, and what each of its actions waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.ids import NodeId
from sqlflow.link.selection import select
from sqlflow.plan.due import Interval
from sqlflow.plan.plan import Command, PlanOptions, make_plan
from sqlflow.plan.types import BuildModel, Plan
from tests.compiler.projects import DUCKDB, POSTGRES, Compiled, compiled

OPTIONS = PlanOptions(target="dev", threads=2)


def planned(
    project: Compiled, command: Command = Command.BUILD, words: str = "", options: PlanOptions = OPTIONS
) -> Plan:
    program = project.clean().program
    chosen, _ = select(program.graph, [words] if words else [])
    return make_plan(program, command, chosen, options)


def waits(plan: Plan) -> dict[str, list[str]]:
    """The last part of each action's id, and those that it comes after."""
    return {
        action.node.split(".", 2)[2]: [node.split(".", 2)[2] for node in action.after]
        for action in plan.actions
    }


def audited(plan: Plan) -> dict[str, str]:
    """The tests that audit an action, and the last part of its id."""
    return {test.name: action.node.split(".", 2)[2] for action in plan.actions for test in action.audits}


def unique(model: str) -> str:
    return f"{{name: {model}, columns: [{{name: id, data_tests: [unique]}}]}}"


def related(model: str, to: str) -> str:
    return (
        f"{{name: {model}, columns: [{{name: id, data_tests: "
        f"[{{relationships: {{name: r_{model}_{to}, to: ref('{to}'), field: id}}}}]}}]}}"
    )


def chain(*names: str, **more: str) -> dict[str, str]:
    """Models that each read the one before."""
    files = {f"{names[0]}.sql": "select 1 as id"}
    for parent, name in pairwise(names):
        files[f"{name}.sql"] = f"select * from {parent}"
    return {**files, **more}


# --- audits and gates


def test_a_test_audits_what_it_reads() -> None:
    plan = planned(compiled(chain("a", "b", "c", **{"s.yml": f"models: [{unique('a')}]"})))
    assert waits(plan) == {"a": [], "b": ["a"], "c": ["b"]}
    assert audited(plan) == {"unique_a_id": "a"}


def test_a_test_gates_what_reads_a_node_that_is_not_built() -> None:
    plan = planned(compiled(chain("a", "b", **{"s.yml": f"models: [{unique('a')}]"})), words="b unique_a_id")
    assert waits(plan) == {"unique_a_id": [], "b": ["unique_a_id"]}
    assert audited(plan) == {}


def test_a_test_over_two_models_gates_what_comes_after_both() -> None:
    files = {
        **chain("a", "a2"),
        **chain("b", "b2"),
        "both.sql": "select * from a2 join b2 using (id)",
        "last.sql": "select * from both",
        "tests/t.sql": "select * from a join b using (id) where false",
    }
    found = waits(planned(compiled(files)))
    assert found["t"] == ["a", "b"]
    assert {name for name, after in found.items() if "t" in after} == {"both"}


def test_a_test_between_a_model_and_its_child_audits_the_child() -> None:
    files = chain("a", "b", "c", **{"s.yml": f"models: [{related('a', 'b')}]"})
    assert audited(planned(compiled(files))) == {"r_a_b": "b"}


def test_a_test_of_a_grandparent_and_its_child() -> None:
    files = chain("a", "b", "c", "d", **{"s.yml": f"models: [{related('c', 'a')}]"})
    assert audited(planned(compiled(files))) == {"r_c_a": "c"}


def test_a_test_of_a_model_with_itself() -> None:
    files = chain("a", "b", **{"s.yml": f"models: [{related('a', 'a')}]"})
    assert audited(planned(compiled(files))) == {"r_a_a": "a"}


def test_a_test_of_nothing_gates_nothing() -> None:
    files = chain("a", "b", **{"tests/t.sql": "select 1 as x where false"})
    assert waits(planned(compiled(files))) == {"a": [], "b": ["a"], "t": []}


def test_a_test_gates_no_test() -> None:
    yml = f"models: [{unique('a')}]"
    files = chain("a", **{"s.yml": yml, "tests/t.sql": "select * from a where false"})
    plan = planned(compiled(files), words="t unique_a_id")
    assert waits(plan) == {"t": [], "unique_a_id": []}


def test_a_sources_test_gates_its_readers() -> None:
    yml = "sources: [{name: raw, tables: [{name: e, columns: [{name: id, data_tests: [unique]}]}]}]"
    files = {"a.sql": "select * from raw.e", "b.sql": "select * from a", "s.yml": yml}
    assert waits(planned(compiled(files))) == {"unique_raw_e_id": [], "a": ["unique_raw_e_id"], "b": ["a"]}


def test_order_is_kept_over_what_is_not_planned() -> None:
    """`b` may be a view that shows what `a` will hold."""
    files = chain("a", "b", "c", "d", **{"s.yml": f"models: [{unique('a')}, {related('b', 'a')}]"})
    plan = planned(compiled(files), words="a d")
    assert waits(plan) == {"a": [], "r_b_a": ["a"], "d": ["a", "r_b_a"]}
    assert audited(plan) == {"unique_a_id": "a"}
    assert waits(planned(compiled(files), words="d")) == {"d": []}


# --- ephemeral models


def test_an_ephemeral_model_is_passed_through() -> None:
    ephemeral = "{{ config(materialized='ephemeral') }}select * from "
    files = {
        "a.sql": "select 1 as id",
        "e.sql": ephemeral + "a",
        "f.sql": ephemeral + "e",
        "b.sql": "select * from f",
        "s.yml": f"models: [{unique('f')}]",
    }
    assert waits(planned(compiled(files))) == {"a": [], "b": ["a"]}
    assert audited(planned(compiled(files))) == {"unique_f_id": "a"}


def test_an_ephemeral_model_that_is_selected_is_not_built() -> None:
    files = {"e.sql": "{{ config(materialized='ephemeral') }}select 1 as id", "a.sql": "select * from e"}
    assert waits(planned(compiled(files), words="e")) == {}
    assert waits(planned(compiled(files))) == {"a": []}


# --- what is taken


EVERY = {
    "a.sql": "select * from raw.e join colours using (id)",
    "b.sql": "select * from a",
    "seeds/colours.csv": "id\n1\n",
    "data/e.csv": "id\n1\n",
    "s.yml": "sources: [{name: raw, tables: [{name: e, location: data/e.csv}]}]\n"
    f"models: [{unique('a')}]",
}


@pytest.mark.parametrize(
    ("command", "words", "names"),
    [
        (Command.BUILD, "", "a b colours unique_a_id"),
        (Command.BUILD, "b", "b"),
        (Command.BUILD, "a", "a unique_a_id"),
        (Command.TEST, "", "unique_a_id"),
        (Command.TEST, "b", ""),
        (Command.SEED, "", "colours"),
        (Command.SEED, "a", ""),
        (Command.SEED, "+b", "colours"),
        (Command.SEED, "colours unique_a_id", "colours"),
    ],
)
def test_what_a_command_takes(command: Command, words: str, names: str) -> None:
    plan = planned(compiled(EVERY), command, words)
    assert " ".join(sorted({*waits(plan), *audited(plan)})) == names


def test_a_file_that_has_to_be_loaded_joins_what_reads_it() -> None:
    project = compiled(EVERY, settings=POSTGRES)
    assert waits(planned(project, words="a")) == {"raw.e": [], "a": ["raw.e"]}
    assert waits(planned(project, words="b")) == {"b": []}
    assert waits(planned(project, Command.TEST)) == {"unique_a_id": []}
    reasons = {action.name: action.verdict.reason for action in planned(project, words="a").actions}
    assert reasons["raw.e"] == "read by what is selected"
    assert reasons["a"] == "selected"


def test_a_file_is_loaded_for_a_model_that_reads_it_through_an_ephemeral_one() -> None:
    files = {
        **EVERY,
        "e.sql": "{{ config(materialized='ephemeral') }}select * from raw.e",
        "c.sql": "select * from e",
    }
    assert waits(planned(compiled(files, settings=POSTGRES), words="c")) == {"raw.e": [], "c": ["raw.e"]}


def test_the_schemas_are_those_that_are_written() -> None:
    files = {
        "a.sql": "{{ config(schema='x') }}select 1 as id",
        "b.sql": "{{ config(schema='y', database='db') }}select 1 as id",
        "e.sql": "{{ config(materialized='ephemeral', schema='z') }}select 1 as id",
        "s.yml": f"models: [{unique('a')}]",
    }
    project = compiled(files)
    assert planned(project).schemas == ((None, "main_x"), ("db", "main_y"))


def test_options_are_in_the_plan() -> None:
    options = PlanOptions(target="prod", threads=7, full_refresh=True, fail_fast=True, store_failures=True)
    files = chain("a", **{"s.yml": f"models: [{unique('a')}]"})
    plan = planned(compiled(files), options=options)
    assert (plan.command, plan.target, plan.threads, plan.fail_fast) == ("build", "prod", 7, True)
    [model] = (action.work for action in plan.actions)
    assert isinstance(model, BuildModel) and model.full_refresh
    [test] = model.audits
    assert test.config.store_failures


def test_what_is_on_an_action() -> None:
    settings = DUCKDB + "models: {+materialized: table}\n"
    plan = planned(compiled(chain("a", **{"s.yml": f"models: [{unique('a')}]"}), settings=settings))
    assert [(a.node, a.name, a.kind, a.materialized) for a in plan.actions] == [
        ("model.shop.a", "a", "model", "table"),
    ]
    assert list(plan.nodes) == ["test.shop.unique_a_id", "model.shop.a"]


# --- random projects

COUNT = 7


@st.composite
def projects(draw: st.DrawFn) -> tuple[Mapping[str, str], frozenset[str]]:
    """Models that read earlier ones, some of them ephemeral; tests over any of them."""
    files: dict[str, str] = {}
    names = [f"m{i}" for i in range(COUNT)]
    for i, name in enumerate(names):
        head = "{{ config(materialized='ephemeral') }}" if draw(st.booleans()) and i % 2 else ""
        reads = draw(st.lists(st.sampled_from(names[:i]), unique=True, max_size=3)) if i else []
        files[f"{name}.sql"] = f"{head}select 1 as id" + "".join(
            f"{', ' if n else ' from '}{parent}" for n, parent in enumerate(reads)
        )
    for i in range(draw(st.integers(0, 4))):
        reads = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=3))
        files[f"tests/t{i}.sql"] = "select * from " + ", ".join(reads)
    return files, frozenset(draw(st.lists(st.sampled_from([*names, "t0", "t1"]))))


def below(project: Compiled, node: NodeId) -> set[NodeId]:
    seen: set[NodeId] = set()
    stack = [node]
    while stack:
        for child in project.graph.children[stack.pop()]:
            if child not in seen:
                seen.add(child)
                stack.append(child)
    return seen


def above(project: Compiled, node: NodeId) -> set[NodeId]:
    return {other for other in project.graph.nodes if node in below(project, other)}


def tables(project: Compiled, node: NodeId, ephemeral: set[NodeId]) -> set[NodeId]:
    """What a node reads in the warehouse: what an ephemeral model reads in its place."""
    out: set[NodeId] = set()
    for parent in project.graph.parents[node]:
        out |= tables(project, parent, ephemeral) if parent in ephemeral else {parent}
    return out


@settings(max_examples=100, deadline=None)
@given(projects())
def test_a_plan_is_complete_and_can_be_carried_out(made: tuple[Mapping[str, str], frozenset[str]]) -> None:
    files, some = made
    project = compiled(files).clean()
    program = project.program
    ephemeral = {n for n, m in program.models.items() if m.config.materialized == "ephemeral"}
    words = [" ".join(sorted(some))] if some else []
    chosen, _ = select(program.graph, words)
    plan = make_plan(program, Command.BUILD, chosen, OPTIONS)
    host = {test.node: action.node for action in plan.actions for test in action.audits}
    nodes = list(plan.nodes)
    assert len(nodes) == len(set(nodes))
    assert set(nodes) == chosen - ephemeral
    # Whatever an action waits for is in the plan, and there is an order in which all can be done.
    done: set[NodeId] = set()
    left = list(plan.actions)
    while left:
        ready = [action for action in left if set(action.after) <= done]
        assert ready, left
        done |= {action.node for action in ready}
        left = [action for action in left if action.node not in done]
    # An action comes after all that it reads, and after each test of which it is below every input.
    after: dict[NodeId, set[NodeId]] = {}
    for node in program.graph.order:
        action = next((a for a in plan.actions if a.node == node), None)
        if action is not None and not node.startswith("test."):
            after[node] = set(action.after).union(*(after.get(n, set()) for n in action.after))
    for test, node in host.items():
        assert node in tables(project, test, ephemeral)
        assert tables(project, test, ephemeral) - {node} <= above(project, node)
    for node, before in after.items():
        for test in (n for n in nodes if n.startswith("test.")):
            reads = tables(project, test, ephemeral)
            gated = bool(reads) and all(node in below(project, read) for read in reads)
            assert gated == (host.get(test, test) in before), (node, test)
        for model in (n for n in nodes if n.startswith("model.")):
            assert (node in below(project, model)) == (model in before), (node, model)


@pytest.mark.parametrize(
    ("reads", "reason"),
    [("events", "asked for"), ("{{ this }}", "asked for, and with it what depends on it")],
)
def test_a_plan_says_that_more_is_built_than_the_interval(reads: str, reason: str) -> None:
    query = (
        "{{ config(materialized='incremental', incremental_strategy='time_range', event_time='ts',"
        f" begin='2024-01-01') }}}} select timestamp '2024-01-01 00:00:00' as ts from {reads}"
    )
    options = replace(OPTIONS, interval=Interval(datetime(2024, 1, 2), None))
    plan = planned(compiled({"m.sql": query, "events.sql": "select 1 as id"}), words="m", options=options)
    assert [action.verdict.reason for action in plan.actions] == [reason]
