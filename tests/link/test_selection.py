"""The selection language, on one small project and against a plain reference on random graphs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import ProjectError
from sqlflow.core.ids import NodeId, NodeKind, node_id
from sqlflow.core.span import Span
from sqlflow.link.order import topological
from sqlflow.link.selection import select
from sqlflow.link.types import Graph, Node
from tests.compiler.projects import DUCKDB, compiled

FILES = {
    "staging/stg_orders.sql": "select * from raw.orders",
    "staging/stg_items.sql": "{{ config(tags=['nightly']) }}select * from raw.items join colours using (id)",
    "marts/core/orders.sql": "{{ config(tags=['core', 'daily']) }}select * from stg_orders, stg_items",
    "marts/core/totals.sql": "{{ config(tags=['core']) }}select * from orders",
    "marts/report.sql": "select * from totals",
    "alone.sql": "select 1 as id",
    "s.yml": """
sources: [{name: raw, tables: [{name: orders, tags: [landed]}, {name: items}]}]
models:
  - {name: orders, columns: [{name: id, data_tests: [unique]}]}
  - {name: totals, columns: [{name: id, data_tests: [{relationships: {to: ref('orders'), field: id}}]}]}
""",
}
OTHERS = {"seeds/colours.csv": "id\n1\n", "tests/no_loss.sql": "select * from report, alone where false"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    files = {f"models/{path}": text for path, text in FILES.items()}
    return compiled({**files, **OTHERS}, settings=DUCKDB).clean().graph


def chosen(graph: Graph, include: str, exclude: str = "", *, tests: bool = False) -> str:
    """The names that are selected, sorted, without tests where they are not asked for."""
    nodes, _ = select(graph, include.split("|") if include else (), exclude.split("|") if exclude else ())
    return " ".join(
        sorted(graph.nodes[n].name for n in nodes if tests or graph.nodes[n].kind is not NodeKind.TEST)
    )


EVERYTHING = "alone colours orders raw.items raw.orders report stg_items stg_orders totals"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", EVERYTHING),
        ("*", EVERYTHING),
        ("orders", "orders"),
        ("orders alone", "alone orders"),
        ("orders|alone report", "alone orders report"),
        ("stg_*", "stg_items stg_orders"),
        ("*o*s", "colours orders raw.orders stg_orders totals"),
        ("colours", "colours"),
        ("+orders", "colours orders raw.items raw.orders stg_items stg_orders"),
        ("1+orders", "orders stg_items stg_orders"),
        ("0+orders", "orders"),
        ("2+totals", "orders stg_items stg_orders totals"),
        ("orders+", "orders report totals"),
        ("orders+1", "orders totals"),
        ("1+orders+1", "orders stg_items stg_orders totals"),
        ("2+orders+1", "colours orders raw.items raw.orders stg_items stg_orders totals"),
        ("+orders+", "colours orders raw.items raw.orders report stg_items stg_orders totals"),
        ("@stg_orders", "alone colours orders raw.items raw.orders report stg_items stg_orders totals"),
        ("@report", "alone colours orders raw.items raw.orders report stg_items stg_orders totals"),
        ("tag:core", "orders totals"),
        ("tag:nightly+", "orders report stg_items totals"),
        ("tag:landed", "raw.orders"),
        ("tag:d*", "orders"),
        ("path:models/marts", "orders report totals"),
        ("path:./models/marts/", "orders report totals"),
        ("models/marts/core", "orders totals"),
        ("models/marts/core/orders.sql", "orders"),
        ("models/*/core", "orders totals"),
        ("seeds/colours.csv", "colours"),
        ("source:raw", "raw.items raw.orders"),
        ("source:raw.items+", "orders raw.items report stg_items totals"),
        ("raw.items", "raw.items"),
        ("resource_type:seed", "colours"),
        ("resource_type:model,tag:core", "orders totals"),
        ("marts.core.orders", "orders"),
        ("marts.*", "orders report totals"),
        ("tag:core,tag:daily", "orders"),
        ("+totals,tag:nightly", "stg_items"),
        ("orders+,path:models/marts/core", "orders totals"),
        ("orders,alone", ""),
        ("tag:core,tag:daily alone", "alone orders"),
        ("nothing", ""),
    ],
)
def test_what_words_select(graph: Graph, words: str, names: str) -> None:
    assert chosen(graph, words) == names


@pytest.mark.parametrize(
    ("words", "exclude", "names"),
    [
        ("", "orders+", "alone colours raw.items raw.orders stg_items stg_orders"),
        ("+report", "path:models/staging resource_type:source", "colours orders report totals"),
        ("+report", "tag:core|tag:nightly", "colours raw.items raw.orders report stg_orders"),
        ("orders", "orders", ""),
        ("orders", "nothing", "orders"),
    ],
)
def test_what_is_left_out(graph: Graph, words: str, exclude: str, names: str) -> None:
    assert chosen(graph, words, exclude) == names


@pytest.mark.parametrize(
    ("words", "exclude", "names"),
    [
        ("orders", "", "orders relationships_totals_id__id__ref_orders unique_orders_id"),
        ("totals", "", "relationships_totals_id__id__ref_orders totals"),
        ("alone", "", "alone no_loss"),
        ("unique_orders_id", "", "unique_orders_id"),
        ("+no_loss,resource_type:test", "", "no_loss"),
        ("resource_type:test", "totals", "no_loss unique_orders_id"),
        ("orders", "resource_type:test", "orders"),
        ("totals orders", "orders", "totals"),
        ("report alone", "alone", "report"),
        ("tests/no_loss.sql", "", "no_loss"),
    ],
)
def test_tests_follow_what_they_read(graph: Graph, words: str, exclude: str, names: str) -> None:
    assert chosen(graph, words, exclude, tests=True) == names


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("+", "`+` is not a selector: there is no name in it"),
        ("@", "`@` is not a selector: there is no name in it"),
        ("orders,", "`` is not a selector: there is no name in it"),
        ("@orders+", "`@orders+` is not a selector: `@` and `+` don't go together"),
        ("tags:x", "`tags:x` is not a selector: unknown method `tags`"),
        ("tag:", "`tag:` is not a selector: `tag:` needs a pattern after it"),
    ],
)
def test_a_word_that_cant_be_read(graph: Graph, word: str, message: str) -> None:
    with pytest.raises(ProjectError) as raised:
        select(graph, [word])
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == (Code.BAD_SELECTOR, message)
    assert diagnostic.help
    with pytest.raises(ProjectError):
        select(graph, [], [word])


def test_all_bad_words_are_said(graph: Graph) -> None:
    with pytest.raises(ProjectError) as raised:
        select(graph, ["tags:x", "orders", "paths:y"])
    assert [d.help for d in raised.value.diagnostics] == ["did you mean `tag`?", "did you mean `path`?"]


def test_a_word_that_selects_nothing_is_a_warning(graph: Graph) -> None:
    nodes, (warning,) = select(graph, ["+ordres", "orders"])
    assert NodeId("model.shop.orders") in nodes
    assert (warning.code, warning.message) == (Code.EMPTY_SELECTION, "`+ordres` selects nothing")
    assert warning.help.startswith("did you mean `orders` or ")
    assert not warning.is_error


# --- random graphs

NAMES = [f"n{i}" for i in range(7)]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    kinds = [NodeKind.MODEL] * len(NAMES)
    parents: dict[NodeId, tuple[NodeId, ...]] = {}
    ids: list[NodeId] = []
    for i, name in enumerate(NAMES):
        kinds[i] = draw(st.sampled_from([NodeKind.MODEL, NodeKind.MODEL, NodeKind.TEST]))
        id = node_id(kinds[i], "shop", name)
        readable = [other for other in ids if not other.startswith("test.")]
        parents[id] = tuple(draw(st.lists(st.sampled_from(readable), unique=True))) if readable else ()
        ids.append(id)
    order, _ = topological(parents)
    children = {id: tuple(other for other in order if id in parents[other]) for id in ids}
    tags = draw(st.lists(st.sets(st.sampled_from(["x", "y"])), min_size=len(ids), max_size=len(ids)))
    nodes = {
        id: Node(
            id=id, kind=kind, name=name, path=f"models/{name}.sql", folders=(), tags=tuple(sorted(tag)),
            materialized="", description="", attached=None, span=Span("", 0, 0),
        )
        for id, kind, name, tag in zip(ids, kinds, NAMES, tags, strict=True)
    }  # fmt: skip
    return Graph(
        nodes=nodes,
        parents=parents,
        children=children,
        order=order,
        queries={},
        hooks={},
        parameters={},
        tests={},
    )


def distance(graph: Graph, start: NodeId, goal: NodeId) -> float:
    """How many steps up `goal` is from `start`; infinite where it is not above."""
    if start == goal:
        return 0
    return 1 + min((distance(graph, parent, goal) for parent in graph.parents[start]), default=float("inf"))


def expected_term(graph: Graph, term: tuple[str, bool, int | None, int | None]) -> set[NodeId]:
    """The meaning of a term by its definition. -1 is without limit, None is without a plus."""
    body, at, up, down = term
    seeds = {
        id
        for id, node in graph.nodes.items()
        if (body[4:] in node.tags if body[:4] == "tag:" else node.name == body)
    }

    def near(steps: float, limit: int | None) -> bool:
        return limit is not None and steps != float("inf") and (limit < 0 or steps <= limit)

    out = set(seeds)
    for seed in seeds:
        out |= {id for id in graph.nodes if near(distance(graph, seed, id), up)}
        out |= {id for id in graph.nodes if near(distance(graph, id, seed), -1 if at else down)}
    if at:
        out |= {id for id in graph.nodes for below in set(out) if near(distance(graph, below, id), -1)}
    return out


terms = st.one_of(
    st.tuples(
        st.sampled_from([*NAMES, "tag:x", "tag:y"]),
        st.just(False),
        st.sampled_from([None, -1, 0, 1, 2]),
        st.sampled_from([None, -1, 0, 1, 2]),
    ),
    st.tuples(st.sampled_from([*NAMES, "tag:x"]), st.just(True), st.none(), st.none()),
)
words = st.lists(st.lists(terms, min_size=1, max_size=3), max_size=3)


def written(selection: Iterable[Iterable[tuple[str, bool, int | None, int | None]]]) -> list[str]:
    def term(body: str, at: bool, up: int | None, down: int | None) -> str:
        before = "@" if at else "" if up is None else "+" if up < 0 else f"{up}+"
        after = "" if down is None else "+" if down < 0 else f"+{down}"
        return before + body + after

    return [",".join(term(*parts) for parts in word) for word in selection]


def expected(graph: Graph, include: list[list[tuple[str, bool, int | None, int | None]]]) -> set[NodeId]:
    found: set[NodeId] = set()
    for word in include:
        found |= set.intersection(*(expected_term(graph, term) for term in word))
    return found


def and_tests(graph: Graph, nodes: set[NodeId]) -> set[NodeId]:
    kinds = {id: node.kind for id, node in graph.nodes.items()}
    return nodes | {id for id in kinds if kinds[id] is NodeKind.TEST and set(graph.parents[id]) & nodes}


@settings(max_examples=300, deadline=None)
@given(graphs(), words, words)
def test_selection_is_what_its_definition_says(
    graph: Graph,
    include: list[list[tuple[str, bool, int | None, int | None]]],
    exclude: list[list[tuple[str, bool, int | None, int | None]]],
) -> None:
    nodes, _ = select(graph, written(include), written(exclude))
    wanted = expected(graph, include) if include else set(graph.nodes)
    assert nodes == and_tests(graph, wanted) - and_tests(graph, expected(graph, exclude))
