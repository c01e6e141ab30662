"""The selection language: which nodes a command works on.

A selector is a list of words that add up; a word is a comma-separated intersection of terms; a term is
`[@][N+]METHOD:PATTERN[+N]`. The words are dbt's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError, Severity, did_you_mean
from sqlflow.core.ids import NodeId, NodeKind
from sqlflow.link.types import Graph, Node

_TERM = re.compile(
    r"^(?P<at>@)?(?:(?P<up>\d*)(?P<plus_up>\+))?(?P<body>.*?)(?:(?P<plus_down>\+)(?P<down>\d*))?$"
)


def _by_name(node: Node, pattern: str) -> bool:
    return fnmatchcase(node.name, pattern) or (
        "." in pattern and fnmatchcase(".".join((*node.folders, node.name)), pattern)
    )


def _by_path(node: Node, pattern: str) -> bool:
    """A file, a folder with all that lies below it, or a pattern of either."""
    pattern = pattern.removeprefix("./").rstrip("/")
    path = PurePosixPath(node.path)
    return any(fnmatchcase(str(candidate), pattern) for candidate in (path, *path.parents[:-1]))


def _by_source(node: Node, pattern: str) -> bool:
    return node.kind is NodeKind.SOURCE and (
        fnmatchcase(node.name, pattern) or fnmatchcase(node.name.split(".")[0], pattern)
    )


_METHODS: Mapping[str, Callable[[Node, str], bool]] = {
    "name": _by_name,
    "path": _by_path,
    "tag": lambda node, pattern: any(fnmatchcase(tag, pattern) for tag in node.tags),
    "source": _by_source,
    "resource_type": lambda node, pattern: fnmatchcase(node.kind.value, pattern),
}


def select(
    graph: Graph, include: Sequence[str], exclude: Sequence[str] = ()
) -> tuple[frozenset[NodeId], tuple[Diagnostic, ...]]:
    """Gives the nodes that the words select; no words select everything.

    A test comes with any node that it reads, and leaves with any that is excluded. Raises ProjectError
    where a word can't be read; a word that selects nothing is a warning.
    """
    warnings: list[Diagnostic] = []
    chosen = _union(graph, include, warnings) if _words(include) else frozenset(graph.nodes)
    left_out = _union(graph, exclude, warnings)
    return _with_tests(graph, chosen) - _with_tests(graph, left_out), tuple(warnings)


def _words(selectors: Iterable[str]) -> list[str]:
    return [word for selector in selectors for word in selector.split()]


def _union(graph: Graph, selectors: Sequence[str], warnings: list[Diagnostic]) -> frozenset[NodeId]:
    out: set[NodeId] = set()
    errors: list[Diagnostic] = []
    for word in _words(selectors):
        try:
            found = frozenset.intersection(*(_term(graph, term) for term in word.split(",")))
        except ProjectError as error:
            errors.extend(error.diagnostics)
            continue
        if not found:
            warnings.append(_nothing(graph, word))
        out |= found
    if errors:
        raise ProjectError(errors)
    return frozenset(out)


def _term(graph: Graph, term: str) -> frozenset[NodeId]:
    match = _TERM.match(term)
    body = match.group("body") if match else ""
    if match is None or not body:
        raise ProjectError([_bad(term, "there is no name in it")])
    if match.group("at") and (match.group("plus_up") or match.group("plus_down")):
        raise ProjectError([_bad(term, "`@` and `+` don't go together")])
    method, pattern = _method(term, body)
    found = {node.id for node in graph.nodes.values() if _METHODS[method](node, pattern)}
    out = set(found)
    if match.group("plus_up"):
        out |= _walk(graph.parents, found, _depth(match.group("up")))
    if match.group("plus_down"):
        out |= _walk(graph.children, found, _depth(match.group("down")))
    if match.group("at"):
        out |= _walk(graph.children, found, None)
        out |= _walk(graph.parents, out, None)
    return frozenset(out)


def _method(term: str, body: str) -> tuple[str, str]:
    if ":" in body:
        method, pattern = body.split(":", 1)
        if method not in _METHODS:
            raise ProjectError([_bad(term, f"unknown method `{method}`", did_you_mean(method, _METHODS))])
        if not pattern:
            raise ProjectError([_bad(term, f"`{method}:` needs a pattern after it")])
        return method, pattern
    return ("path" if "/" in body or body.endswith((".sql", ".py", ".csv", ".yml")) else "name"), body


def _depth(text: str | None) -> int | None:
    return int(text) if text else None


def _walk(
    edges: Mapping[NodeId, Sequence[NodeId]], start: Iterable[NodeId], depth: int | None
) -> set[NodeId]:
    seen: set[NodeId] = set(start)
    layer = set(seen)
    while layer and (depth is None or depth > 0):
        layer = {there for here in layer for there in edges.get(here, ())} - seen
        seen |= layer
        depth = None if depth is None else depth - 1
    return seen


def _with_tests(graph: Graph, chosen: frozenset[NodeId]) -> frozenset[NodeId]:
    tests = {
        child
        for node in chosen
        for child in graph.children.get(node, ())
        if graph.nodes[child].kind is NodeKind.TEST
    }
    return chosen | tests


def _bad(term: str, why: str, help: str = "") -> Diagnostic:
    return Diagnostic(
        code=Code.BAD_SELECTOR,
        message=f"`{term}` is not a selector: {why}",
        help=help or f"a term is a name, a path, or METHOD:PATTERN with one of {', '.join(_METHODS)}",
    )


def _nothing(graph: Graph, word: str) -> Diagnostic:
    names = [node.name for node in graph.nodes.values() if node.kind is not NodeKind.TEST]
    return Diagnostic(
        code=Code.EMPTY_SELECTION,
        severity=Severity.WARNING,
        message=f"`{word}` selects nothing",
        help=did_you_mean(word.strip("+@0123456789"), names),
    )
