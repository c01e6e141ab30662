"""Reading of the columns that properties declare."""

from __future__ import annotations

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.span import Span
from sqlflow.project.decode import Section, as_section, invalid_value
from sqlflow.project.generic_tests import read_tests
from sqlflow.project.types import ColumnDecl, Constraint, RenderValue, TestDecl

CONSTRAINTS = ("not_null",)


def read_columns(
    owner: Section, render_value: RenderValue
) -> tuple[tuple[ColumnDecl, ...], tuple[TestDecl, ...]]:
    """Reads the columns of a model, a seed or a source's table, with the tests on them."""
    columns: dict[str, ColumnDecl] = {}
    tests: list[TestDecl] = []
    for item in owner.items("columns"):
        section = as_section(item, "a column", owner.diagnostics)
        if section is None:
            continue
        name = section.required_text("name")
        if name is not None:
            section.where = f"the column `{name}`"
        description, data_type = section.text("description"), section.text("data_type")
        tags, meta = section.texts("tags"), section.values("meta")
        constraints = _constraints(section)
        own_tests = read_tests(section, name or "", render_value)
        section.finish()
        if name is None:
            continue
        tests.extend(own_tests)
        if name in columns:
            message = f"the column `{name}` is declared twice"
            owner.report(duplicate(message, section.span("name"), columns[name].span))
            continue
        columns[name] = ColumnDecl(
            name=name,
            description=description or "",
            data_type=data_type,
            type_span=section.span("data_type") if data_type is not None else None,
            constraints=constraints,
            tags=tags or (),
            meta=meta,
            span=section.span("name"),
        )
    return tuple(columns.values()), tuple(tests)


def _constraints(section: Section) -> tuple[Constraint, ...]:
    """Reads `constraints`, of which `not_null` is the one that the compiler can prove."""
    found: list[Constraint] = []
    for item in section.items("constraints"):
        entry = as_section(item, "a constraint", section.diagnostics)
        if entry is None:
            continue
        word = entry.required_text("type")
        entry.finish()
        if word is not None and word not in CONSTRAINTS:
            message = f"`{word}` is no constraint that the compiler proves"
            entry.report(invalid_value(message, entry.span("type"), "use a test in its place"))
        elif word is not None:
            found.append(Constraint(word, entry.span("type")))
    return tuple(found)


def duplicate(message: str, again: Span, first: Span, help_: str = "leave one of them out") -> Diagnostic:
    """Says that a name is there twice, with both places."""
    return Diagnostic(
        code=Code.DUPLICATE_NAME,
        message=message,
        span=again,
        label="again here",
        labels=(Label(first, "first here"),),
        help=help_,
    )
