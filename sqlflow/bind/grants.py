"""What is to be granted on the tables and views of a project."""

from __future__ import annotations

from collections.abc import Iterator

from sqlflow.bind.types import Grants
from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization
from sqlflow.core.diagnostic import Diagnostic, Severity, did_you_mean
from sqlflow.core.relation import Grant
from sqlflow.core.span import Span
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.types import ModelDecl, Project, SeedDecl, place_of
from sqlflow.render.types import Rendered, RenderedModel, RenderedSeed

# The name of everybody, which no role can have.
_EVERYBODY = "public"


def bound_grants(
    node: RenderedModel | RenderedSeed, declared: ModelDecl | SeedDecl, spec: DialectSpec
) -> Grants | None:
    """Gives what is to be granted on a node; None where that is left alone, or the engine has no grants."""
    configured = node.config.grants
    if configured is None or not spec.privileges or _is_ephemeral(node):
        return None
    wanted = {
        Grant(privilege, None if grantee.lower() == _EVERYBODY else grantee)
        for privilege, grantees in configured.items()
        for grantee in grantees
    }
    return Grants(
        wanted=tuple(sorted(wanted, key=lambda one: (one.grantee or "", one.privilege))),
        span=place_of(node.layer, "grants", declared.span),
    )


def check_grants(project: Project, rendered: Rendered, spec: DialectSpec) -> Iterator[Diagnostic]:
    """Tells of grants that the engine does not have, each place once."""
    found: dict[tuple[Span, str], Diagnostic] = {}
    for node in (*rendered.models.values(), *rendered.seeds.values()):
        if node.config.grants is None or _is_ephemeral(node):
            continue
        declared = project.models.get(node.id) or project.seeds[node.id]
        place = place_of(node.layer, "grants", declared.span)
        if not spec.privileges:
            found[place, ""] = _no_grants(place, spec)
            continue
        for privilege in node.config.grants:
            if privilege not in spec.privileges:
                found[place, privilege] = _no_privilege(privilege, place, spec)
    yield from found.values()


def _is_ephemeral(node: RenderedModel | RenderedSeed) -> bool:
    return node.config.materialized is Materialization.EPHEMERAL


def _no_grants(place: Span, spec: DialectSpec) -> Diagnostic:
    return Diagnostic(
        code=Code.UNSUPPORTED_BY_ENGINE,
        message=f"`grants` does nothing here: {spec.name} has no grants",
        severity=Severity.WARNING,
        span=place,
        label="set here",
        help="it is used on the targets whose engine has grants",
    )


def _no_privilege(privilege: str, place: Span, spec: DialectSpec) -> Diagnostic:
    known = sorted(name.lower() for name in spec.privileges)
    return Diagnostic(
        code=Code.INVALID_VALUE,
        message=f"`{privilege.lower()}` can't be granted on a table or a view of {spec.name}",
        span=place,
        label="granted here",
        help=did_you_mean(privilege.lower(), known) or "one of " + ", ".join(f"`{name}`" for name in known),
    )
