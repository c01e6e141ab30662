"""Incremental strategies that a project writes itself: macros that give the statements for the new rows.

The protocol is dbt's: `incremental_strategy: upsert` calls `get_incremental_upsert_sql(arg_dict)`. What it is
given are the table, the temporary table that holds the new rows, the columns of these, and settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlflow.core.codes import Code
from sqlflow.core.config import IncrementalStrategy
from sqlflow.core.diagnostic import Diagnostic, did_you_mean, has_errors
from sqlflow.core.ids import NodeId
from sqlflow.core.relation import Column
from sqlflow.core.span import Span
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.names import new_rows, quote, relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.types import Project, place_of
from sqlflow.render.compiled import template_of
from sqlflow.render.execute import attempt
from sqlflow.render.scope import Scope
from sqlflow.render.surroundings import Surroundings, surroundings
from sqlflow.render.tables import Table, This
from sqlflow.render.trace import text_map
from sqlflow.render.types import Rendered, RenderedModel, RenderedQuery, RenderedStrategy


def macro_name(strategy: str) -> str:
    """Gives the name of the macro that makes a strategy's statements."""
    return f"get_incremental_{strategy}_sql"


def unknown_strategy(name: str, span: Span) -> Diagnostic:
    """Says that there is no strategy of a name, built in or written by the project."""
    known = [strategy.value for strategy in IncrementalStrategy if strategy is not IncrementalStrategy.CUSTOM]
    listed = "one of " + ", ".join(f"`{one}`" for one in (*known, "microbatch"))
    return Diagnostic(
        code=Code.INVALID_VALUE,
        message=f"`{name}` is not a value of `incremental_strategy`",
        span=span,
        label=listed,
        help=did_you_mean(name, (*known, "microbatch")) or f"{listed}, or write a macro `{macro_name(name)}`",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyColumn:
    """A column of the new rows, by the names that dbt has for what it tells."""

    name: str
    quoted: str
    data_type: str

    @property
    def column(self) -> str:
        """The name."""
        return self.name

    @property
    def dtype(self) -> str:
        """The type."""
        return self.data_type

    def __str__(self) -> str:
        return self.quoted


def render_strategies(
    project: Project,
    rendered: Rendered,
    columns: Mapping[NodeId, Sequence[Column] | None],
    spec: DialectSpec,
    *,
    environment: Mapping[str, str],
    now: datetime,
) -> tuple[Mapping[NodeId, RenderedStrategy], tuple[Diagnostic, ...]]:
    """Renders the statements of each model whose strategy is the project's own.

    `columns` are those of each such model, None where they are not known; `spec` is the target's dialect.
    """
    around, _ = surroundings(project, environment=environment, now=now)
    out: dict[NodeId, RenderedStrategy] = {}
    diagnostics: list[Diagnostic] = []
    for node, known in columns.items():
        model = rendered.models[node]
        span = place_of(model.layer, "incremental_strategy", project.models[node].span)
        if known is None:
            diagnostics.append(_columns_unknown(project.models[node].name, span))
            continue
        query, found = _render(around, model, known, spec, span)
        diagnostics += found
        if query is not None:
            out[node] = RenderedStrategy(query=query, columns=tuple(c.name for c in known))
    return out, tuple(dict.fromkeys(diagnostics))


def _render(
    around: Surroundings, model: RenderedModel, columns: Sequence[Column], spec: DialectSpec, span: Span
) -> tuple[RenderedQuery | None, tuple[Diagnostic, ...]]:
    name = macro_name(model.config.custom_strategy)
    call = f"{{{{ {name}(sqlflow_arguments) }}}}"
    template = template_of(around.macros.environment, f"strategy {name}", call, span)
    if isinstance(template, Diagnostic):
        return None, (template,)
    scope = Scope(around, template.path, layers=(model.layer,), fixed=span, relation=model.relation)
    scope.parent["get_quoted_csv"] = lambda names: _quoted(names, spec)
    scope.parent["sqlflow_arguments"] = _arguments(model, columns, spec)
    text, failure = attempt(lambda: scope.run(template), around, scope, template, span)
    if text is None:
        return None, (*scope.warnings, *failure)
    found = list(scope.warnings)
    if scope.references:
        found.append(_refers(name, span))
    elif not str(text).strip():
        found.append(_empty(name, span))
    query = RenderedQuery(
        text=str(text), map=_below(text_map(text), span), references=(), reads=scope.reads()
    )
    return (None if has_errors(found) else query), tuple(found)


def _arguments(model: RenderedModel, columns: Sequence[Column], spec: DialectSpec) -> Mapping[str, Any]:
    keys = model.config.unique_key
    return {
        "target_relation": This(model.relation),
        "temp_relation": Table(relation_sql(spec, new_rows(spec, model.relation))),
        "unique_key": None if not keys else keys[0] if len(keys) == 1 else list(keys),
        "dest_columns": [
            StrategyColumn(name=column.name, quoted=quote(spec, column.name), data_type=column.type)
            for column in columns
        ],
        "incremental_predicates": list(model.config.incremental_predicates),
    }


def _quoted(names: Iterable[object], spec: DialectSpec) -> str:
    return ", ".join(quote(spec, str(name)) for name in names)


def _below(found: TextMap, span: Span) -> TextMap:
    """Puts the setting's place where the made-up template's would be; the macro's places stay below it."""
    segments = (
        s._replace(frames=(span, *s.frames[1:]), exact=s.exact and len(s.frames) > 1) for s in found.segments
    )
    return TextMap(tuple(segments), found.length)


def _columns_unknown(name: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.STRATEGY,
        message=f"a strategy of your own needs the columns of `{name}`, and these are not all known",
        span=span,
        help="`sqlflow schema` shows which column is not known, and why",
    )


def _refers(name: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.STRATEGY,
        message=f"`{name}` calls `ref` or `source`: a strategy reads the new rows and the table alone",
        span=span,
        help="join it in the model's query, whose columns the strategy gets",
    )


def _empty(name: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.STRATEGY,
        message=f"`{name}` gives no statement",
        span=span,
        help="it has to write the new rows, which are in `temp_relation`, into `target_relation`",
    )
