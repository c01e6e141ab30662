"""Resolves every name of a project and makes the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.dialect.names import name_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.link.names import Found, NameTable
from sqlflow.link.nodes import nodes_of
from sqlflow.link.order import topological
from sqlflow.link.renamed import renamed_nodes
from sqlflow.link.signals import check_signals
from sqlflow.link.tests import generic_tests
from sqlflow.link.types import Graph, Links, Node
from sqlflow.parse.parse import queries_of
from sqlflow.parse.types import Parsed, ParsedQuery, QueryKey
from sqlflow.project.types import Project
from sqlflow.render.types import PLACEHOLDER, THIS, Rendered, RenderedQuery


@dataclass(slots=True)
class _Edges:
    """What linking collects: for each node the nodes it reads, with the place that says so."""

    reads: dict[NodeId, dict[NodeId, Span | None]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def add(self, reader: NodeId, found: Found, span: Span | None) -> NodeId | None:
        """Notes a result, an edge or a diagnostic, and gives the node."""
        if found.diagnostic is not None:
            self.diagnostics.append(found.diagnostic)
        if found.node is not None and reader in self.reads:
            self.reads[reader].setdefault(found.node, span)
        return found.node


def link(
    project: Project, rendered: Rendered, parsed: Parsed, spec: DialectSpec
) -> tuple[Graph, tuple[Diagnostic, ...]]:
    """Resolves references into a graph.

    A name that can't be resolved, a cycle, and two nodes of one name in the warehouse are diagnostics; the
    graph then holds what could be resolved, and nodes in a cycle are left out of its order.
    """
    table = NameTable(project, rendered, spec)
    tests, test_diagnostics = generic_tests(project, rendered, table)
    nodes = nodes_of(project, rendered, tests)
    edges = _Edges(reads={node: {} for node in nodes}, diagnostics=list(test_diagnostics))
    queries = _link_queries(rendered, parsed, table, edges)
    hooks = _link_hooks(rendered, table, edges)
    parameters = _link_parameters(project, rendered, table, edges)
    for test in tests.values():
        for parent in (test.node, test.to):
            if parent is not None:
                edges.reads[test.id].setdefault(parent, test.declared.span)
    parents = {node: tuple(p for p in reads if p in nodes) for node, reads in edges.reads.items()}
    order, cycles = topological(parents)
    edges.diagnostics.extend(_cycle(cycle, nodes, edges.reads) for cycle in cycles)
    edges.diagnostics.extend(_same_relation(rendered, nodes, spec))
    edges.diagnostics.extend(check_signals(project, rendered))
    renamed, misnamed = renamed_nodes(rendered, nodes)
    edges.diagnostics.extend(misnamed)
    children: dict[NodeId, list[NodeId]] = {node: [] for node in nodes}
    for node in order:
        for parent in parents[node]:
            children[parent].append(node)
    graph = Graph(
        nodes=nodes,
        parents=parents,
        children={node: tuple(below) for node, below in children.items()},
        order=order,
        queries=queries,
        hooks=hooks,
        parameters=parameters,
        tests=tests,
        questions=_link_questions(rendered, table, edges),
        renamed=renamed,
    )
    return graph, tuple(dict.fromkeys(edges.diagnostics))


def _link_queries(
    rendered: Rendered, parsed: Parsed, table: NameTable, edges: _Edges
) -> dict[QueryKey, Links]:
    out: dict[QueryKey, Links] = {}
    for key, query in queries_of(rendered).items():
        references = _references(key.node, query, table, edges)
        facts = parsed.queries.get(key)
        tables = _tables(key.node, query, facts, references, table, edges) if facts is not None else ()
        out[key] = Links(tables=tables, references=references)
    return out


def link_query(
    query: RenderedQuery, facts: ParsedQuery, project: Project, rendered: Rendered, spec: DialectSpec
) -> tuple[Links, tuple[Diagnostic, ...]]:
    """Resolves the names of a query that belongs to no node."""
    table = NameTable(project, rendered, spec)
    edges = _Edges()
    reader = NodeId("")
    references = _references(reader, query, table, edges)
    tables = _tables(reader, query, facts, references, table, edges)
    return Links(tables=tables, references=references), tuple(dict.fromkeys(edges.diagnostics))


def link_hook(
    hook: RenderedQuery, project: Project, rendered: Rendered, spec: DialectSpec
) -> tuple[Links, tuple[Diagnostic, ...]]:
    """Resolves the references of a hook that belongs to no node."""
    edges = _Edges()
    references = _references(NodeId(""), hook, NameTable(project, rendered, spec), edges)
    return Links(tables=(), references=references), tuple(dict.fromkeys(edges.diagnostics))


def _references(
    reader: NodeId, query: RenderedQuery, table: NameTable, edges: _Edges
) -> tuple[NodeId | None, ...]:
    return tuple(
        edges.add(reader, table.reference(reference.target, reference.span), reference.span)
        for reference in query.references
    )


def _tables(
    reader: NodeId,
    query: RenderedQuery,
    facts: ParsedQuery,
    references: tuple[NodeId | None, ...],
    table: NameTable,
    edges: _Edges,
) -> tuple[NodeId | None, ...]:
    out: list[NodeId | None] = []
    for use in facts.tables:
        match = PLACEHOLDER.fullmatch(use.parts[-1].text) if len(use.parts) == 1 else None
        if match is not None and int(match.group(1)) < len(references):
            out.append(references[int(match.group(1))])
        elif use.parts[-1].text.lower() == THIS:
            out.append(reader)
        else:
            frames = query.map.locate(use.start, use.end)
            span = frames[0] if frames else None
            out.append(edges.add(reader, table.table(use.parts, span, reader), span))
    return tuple(out)


def _link_hooks(rendered: Rendered, table: NameTable, edges: _Edges) -> dict[NodeId, tuple[Links, ...]]:
    out: dict[NodeId, tuple[Links, ...]] = {}
    for node in (*rendered.models.values(), *rendered.seeds.values()):
        hooks = (*node.pre_hooks, *node.post_hooks)
        if hooks:
            out[node.id] = tuple(
                Links(tables=(), references=_references(node.id, hook, table, edges)) for hook in hooks
            )
    return out


def _link_questions(rendered: Rendered, table: NameTable, edges: _Edges) -> dict[NodeId, Links]:
    # Read by no node: a source may well be asked about in its own question.
    nobody = NodeId("")
    return {
        node: Links(tables=(), references=_references(nobody, query, table, edges))
        for node, query in rendered.questions.items()
    }


def _link_parameters(
    project: Project, rendered: Rendered, table: NameTable, edges: _Edges
) -> dict[NodeId, tuple[NodeId, ...]]:
    out: dict[NodeId, tuple[NodeId, ...]] = {}
    for node in rendered.models:
        function = project.models[node].function
        if function is None:
            continue
        found = [
            edges.add(node, table.reference(parameter.reference, parameter.span), parameter.span)
            for parameter in function.parameters
        ]
        out[node] = tuple(parent for parent in found if parent is not None)
    return out


def _cycle(
    cycle: tuple[NodeId, ...],
    nodes: Mapping[NodeId, Node],
    reads: Mapping[NodeId, Mapping[NodeId, Span | None]],
) -> Diagnostic:
    """Says the whole path, each node with the place where it reads the next."""
    closed = (*cycle, cycle[0])
    path = " -> ".join(nodes[node].name for node in closed)
    labels: list[Label] = []
    first: Span | None = None
    for node, parent in pairwise(closed):
        span = reads[node].get(parent) or nodes[node].span
        if first is None:
            first = span
        else:
            labels.append(Label(span, f"{nodes[node].name} reads {nodes[parent].name}"))
    return Diagnostic(
        code=Code.CYCLE,
        message=f"models read each other in a cycle: {path}",
        span=first,
        label=f"{nodes[closed[0]].name} reads {nodes[closed[1]].name}",
        labels=tuple(labels),
        help="take one of these references out; an incremental model reads its own rows by `{{ this }}`",
    )


def _same_relation(
    rendered: Rendered, nodes: Mapping[NodeId, Node], spec: DialectSpec
) -> Iterable[Diagnostic]:
    seen: dict[tuple[str, ...], NodeId] = {}
    for node in (*rendered.models.values(), *rendered.seeds.values()):
        if nodes[node.id].materialized == "ephemeral":
            continue
        key = tuple(name_key(spec, part or "") for part in node.relation)
        other = seen.setdefault(key, node.id)
        if other != node.id:
            yield Diagnostic(
                code=Code.SAME_RELATION,
                message=f"`{nodes[other].name}` and `{nodes[node.id].name}` would both be `{node.relation}`",
                span=nodes[node.id].span,
                labels=(Label(nodes[other].span, "the other one"),),
                help="give one of them another `alias` or `schema`",
            )
