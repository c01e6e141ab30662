"""Looks up what a name in a query or a call means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label, did_you_mean
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.dialect.names import lookup_key
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.types import Name
from sqlflow.project.types import Project, RefTarget
from sqlflow.render.types import Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of a look-up: a node, or a table that the engine knows by itself, or a diagnostic."""

    node: NodeId | None = None
    diagnostic: Diagnostic | None = None


class NameTable:
    """The names of a project's models, seeds and sources.

    Names in SQL fold as the dialect folds them; a name that is written exactly as it was declared always
    matches. The order of a look-up: models and seeds, then sources by table name; for `a.b` sources by
    source name, then by schema.
    """

    def __init__(self, project: Project, rendered: Rendered, spec: DialectSpec) -> None:
        self._spec = spec
        self._package = project.settings.name
        self._disabled = rendered.disabled
        self._exact: dict[str, NodeId] = {}
        self._folded: dict[str, NodeId] = {}
        for decl in (*project.models.values(), *project.seeds.values()):
            self._exact.setdefault(decl.name, decl.id)
            self._folded.setdefault(lookup_key(spec, decl.name), decl.id)
        self._sources: dict[tuple[str, str], NodeId] = {}
        self._tables: defaultdict[tuple[str, ...], list[NodeId]] = defaultdict(list)
        self._labels: dict[NodeId, str] = {}
        self._spans: dict[NodeId, Span] = {}
        for source in project.sources.values():
            self._sources[(source.source, source.name)] = source.id
            self._labels[source.id] = f"{source.source}.{source.name}"
            self._spans[source.id] = source.span
            schema = source.schema or source.source
            keys: list[tuple[str, ...]] = [
                (source.name,),
                (source.source, source.name),
                (schema, source.identifier),
            ]
            if source.database:
                keys.append((source.database, schema, source.identifier))
            for key in dict.fromkeys(tuple(lookup_key(spec, part) for part in key) for key in keys):
                self._tables[key].append(source.id)
        self._target_database = project.settings.target.database

    def reference(self, target: RefTarget, span: Span | None) -> Found:
        """Looks up what `ref` or `source` was called with."""
        if target.kind == "source":
            return self._source(target.parts, span)
        if target.kind == "name":
            return self.table([Name(part, quoted=False) for part in target.parts], span)
        package, name = target.parts if len(target.parts) == 2 else (self._package, target.parts[0])
        if package != self._package:
            help = did_you_mean(package, [self._package]) or f"this project's models are in `{self._package}`"
            return _unknown(f"unknown package `{package}`", span, help)
        node = self._exact.get(name)
        if node is None:
            source = next((source for source, table in self._sources if table == name), None)
            meant = f"`{name}` is a source's table: write `source('{source}', '{name}')`"
            return _unknown(f"unknown model `{name}`", span, meant if source else self._suggest([name]))
        return self._enabled(node, name, span)

    def table(self, parts: Sequence[Name], span: Span | None, reader: NodeId | None = None) -> Found:
        """Looks up a table's name in a query.

        `reader` is the model that the query belongs to: a model doesn't mean itself by its own name, so
        that a model `orders` may select from a source's table `orders`.
        """
        written = ".".join(part.text for part in parts)
        if len(parts) == 1:
            node = self._exact.get(written) or self._folded.get(
                lookup_key(self._spec, written, parts[0].quoted)
            )
            if node is not None and node != reader:
                return self._enabled(node, written, span)
        if len(parts) == 2 and lookup_key(self._spec, parts[0].text) in self._spec.system_schemas:
            return Found()
        key = tuple(lookup_key(self._spec, part.text, part.quoted) for part in parts)
        sources = list(dict.fromkeys(self._tables.get(key, ())))
        if len(parts) == 2 and len(sources) > 1:
            # `a.b` means a source of that name before a schema of that name.
            named = [s for s in sources if self._labels[s].lower() == written.lower()]
            sources = named or sources
        if len(sources) == 1:
            return Found(node=sources[0])
        if sources:
            return self._ambiguous(written, sources, span)
        if len(parts) == 1 and reader is not None and self._folded.get(key[0]) == reader:
            return _unknown(
                f"`{written}` reads itself",
                span,
                "write `{{ this }}` to read the rows that are published, or declare a source of that name",
            )
        return _unknown(f"unknown table `{written}`", span, self._suggest([part.text for part in parts]))

    def known(self) -> tuple[str, ...]:
        """Gives all names that could be meant, for suggestions."""
        return (*self._exact, *self._labels.values(), *(name for _, name in self._sources))

    def _source(self, parts: tuple[str, ...], span: Span | None) -> Found:
        source, table = parts
        node = self._sources.get((source, table))
        if node is not None:
            return Found(node=node)
        names = {name for name, _ in self._sources}
        if source not in names:
            help = did_you_mean(source, names) or "a source is declared under `sources:` in a properties file"
            return _unknown(f"unknown source `{source}`", span, help)
        tables = [name for of, name in self._sources if of == source]
        help = did_you_mean(table, tables) or f"`{source}` has: {', '.join(sorted(tables)[:8])}"
        return _unknown(f"source `{source}` has no table `{table}`", span, help)

    def _enabled(self, node: NodeId, name: str, span: Span | None) -> Found:
        disabled = self._disabled.get(node)
        if disabled is None:
            return Found(node=node)
        return Found(
            diagnostic=Diagnostic(
                code=Code.DISABLED_REFERENCE,
                message=f"`{name}` is disabled",
                span=span,
                label="read here",
                labels=(Label(disabled, "disabled here"),),
                help=f"enable `{name}`, or disable what reads it as well",
            )
        )

    def _ambiguous(self, written: str, sources: Iterable[NodeId], span: Span | None) -> Found:
        labels = [self._labels[source] for source in sources]
        return Found(
            diagnostic=Diagnostic(
                code=Code.AMBIGUOUS_REFERENCE,
                message=f"`{written}` could be {' or '.join(f'`{label}`' for label in labels)}",
                span=span,
                labels=tuple(Label(self._spans[source], "declared here") for source in sources),
                help=f"write the source's name before it: `{labels[0]}`",
            )
        )

    def _suggest(self, parts: Sequence[str]) -> str:
        close = did_you_mean(".".join(parts), self.known())
        return close or (
            "a table of the warehouse has to be declared under `sources:` in a properties file; "
            "a name of the project is a model's, a seed's or a source's"
        )


def _unknown(message: str, span: Span | None, help: str) -> Found:
    return Found(diagnostic=Diagnostic(code=Code.UNKNOWN_REFERENCE, message=message, span=span, help=help))
