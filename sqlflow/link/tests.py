"""Turns declared generic tests into nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.digest import short_digest
from sqlflow.core.ids import NodeId, NodeKind, node_id
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.link.names import NameTable
from sqlflow.link.types import GenericTest
from sqlflow.project.config import decode_test_config, merge_layers
from sqlflow.project.references import parse_reference
from sqlflow.project.types import Project, TestDecl
from sqlflow.render.types import Rendered

_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z_]+")
_LONGEST = 120


def generic_tests(
    project: Project, rendered: Rendered, names: NameTable
) -> tuple[dict[NodeId, GenericTest], tuple[Diagnostic, ...]]:
    """Gives the generic tests that are not switched off, under ids made of what they test."""
    tests: dict[NodeId, GenericTest] = {}
    diagnostics: list[Diagnostic] = []
    folder = project.settings.test_config.get("", {})
    for node, label, declared in _declared(project, rendered):
        config, wrong = decode_test_config(merge_layers((folder, declared.config)))
        diagnostics.extend(wrong)
        if not config.enabled:
            continue
        to: NodeId | None = None
        reference = parse_reference(str(declared.arguments.get("to", "")))
        if reference is not None:
            found = names.reference(reference, declared.span)
            to = found.node
            if found.diagnostic is not None:
                diagnostics.append(found.diagnostic)
        id = node_id(NodeKind.TEST, project.settings.name, declared.name or _name(label, declared))
        other = _other(id, tests, project, rendered)
        if other is not None:
            diagnostics.append(_twice(id, declared, other))
        else:
            tests[id] = GenericTest(id=id, node=node, declared=declared, config=config, to=to)
    return tests, tuple(diagnostics)


def _declared(project: Project, rendered: Rendered) -> Iterator[tuple[NodeId, str, TestDecl]]:
    for decl in (*project.models.values(), *project.seeds.values()):
        if decl.id not in rendered.disabled:
            for test in decl.tests:
                yield decl.id, decl.name, test
    for source in project.sources.values():
        for test in source.tests:
            yield source.id, f"{source.source}_{source.name}", test


def _name(label: str, declared: TestDecl) -> str:
    """Names a test by what it checks: `unique_orders_order_id`, the arguments after it in sorted order."""
    parts = [declared.test, label, *([declared.column] if declared.column else [])]
    base = _NOT_IN_NAMES.sub("_", "_".join(parts))
    flat = [_NOT_IN_NAMES.sub("_", text).strip("_") for text in _flatten(declared.arguments)]
    name = "__".join((base, *(text for text in flat if text)))
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 13]}_{short_digest(name)}"
    return name


def _flatten(arguments: Mapping[str, Value]) -> Iterable[str]:
    for key in sorted(arguments):
        value = arguments[key]
        yield from (str(item) for item in value) if isinstance(value, tuple) else (str(value),)


def _other(
    id: NodeId, tests: Mapping[NodeId, GenericTest], project: Project, rendered: Rendered
) -> Span | None:
    """The place of a test that has the id already: a generic one, or one in a file."""
    if id in tests:
        return tests[id].declared.span
    return project.tests[id].span if id in project.tests and id not in rendered.disabled else None


def _twice(id: NodeId, declared: TestDecl, other: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.DUPLICATE_NAME,
        message=f"the test `{id.rsplit('.', 1)[1]}` is declared twice",
        span=declared.span,
        labels=(Label(other, "the other one"),),
        help="take one out, or give one a `name`",
    )
