"""The file that holds what warehouses say of the project's sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.source import SourceTree
from sqlflow.core.span import Span
from sqlflow.project.decode import Section, as_section, invalid_value, wrong_type
from sqlflow.project.nodes import ScalarNode
from sqlflow.project.scalars import BadScalarError, read_scalar
from sqlflow.project.yaml import read_yaml

CATALOG_FILE = "sources.lock.yml"
_VERSION = 1
_AGAIN = "`sqlflow sources pull` writes the file anew"
_HEADER = """\
# The columns of the project's sources, as the warehouse told them. They are read in place of a connection.
# Written by `sqlflow sources pull`; keep it with the project, and pull again rather than change it by hand.
"""
_NOT_NULL, _NULL = " NOT NULL", " NULL"
# What may stand in YAML without quotes, whatever follows.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[ ,()\[\]]*[A-Za-z0-9_()\[\]])*", re.ASCII)


class CatalogColumn(NamedTuple):
    """A column of a table: its type in the engine's words, and whether it may hold NULL, where that is known.

    `span` is its place in the file, None where it comes from the warehouse itself.
    """

    name: str
    type: str
    nullable: bool | None
    span: Span | None = None

    def __str__(self) -> str:
        """The type and what is known of NULL, as in CREATE TABLE."""
        match self.nullable:
            case None:
                return self.type
            case True:
                return self.type + _NULL
            case False:
                return self.type + _NOT_NULL


# The columns of tables by the source's name and the table's.
CatalogTables: TypeAlias = Mapping[tuple[str, str], tuple[CatalogColumn, ...]]
_NO_TABLES: CatalogTables = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What is known of sources, for each dialect: one project can be built on several engines."""

    dialects: Mapping[str, CatalogTables] = field(default_factory=lambda: MappingProxyType({}))

    def tables(self, dialect: str) -> CatalogTables:
        """Gives what a dialect's warehouse said."""
        return self.dialects.get(dialect, _NO_TABLES)

    def replacing(self, dialect: str, tables: CatalogTables) -> Catalog:
        """Gives the same with other tables of one dialect."""
        return Catalog(dialects=MappingProxyType({**self.dialects, dialect: tables}))


def read_catalog(tree: SourceTree) -> tuple[Catalog, tuple[Diagnostic, ...]]:
    """Reads the file; without one nothing is known. What is wrong is reported, and the rest is read."""
    file = tree.files.get(CATALOG_FILE)
    if file is None or file.text is None:
        return Catalog(), ()
    root, found = read_yaml(file.text, CATALOG_FILE)
    diagnostics = list(found)
    top = as_section(root, CATALOG_FILE, diagnostics) if root is not None else None
    if top is None:
        return Catalog(), tuple(diagnostics)
    version = top.whole("version", least=1)
    if version is None:
        top.missing("version", _AGAIN)
    elif version != _VERSION:
        message = f"this is version {version} of the file, and this sqlflow reads version {_VERSION}"
        top.report(invalid_value(message, top.span("version"), _AGAIN))
        return Catalog(), tuple(diagnostics)
    dialects: dict[str, CatalogTables] = {}
    for dialect, sources in _sections(top.section("dialects", "`dialects`")):
        tables: dict[tuple[str, str], tuple[CatalogColumn, ...]] = {}
        for source, section in _sections(sources):
            tables.update(((source, table), tuple(_columns(named))) for table, named in _sections(section))
        dialects[dialect] = MappingProxyType(tables)
    top.finish()
    return Catalog(dialects=MappingProxyType(dialects)), tuple(diagnostics)


def _sections(owner: Section | None) -> Iterator[tuple[str, Section]]:
    for pair in owner.rest() if owner is not None else ():
        section = as_section(pair.node, f"`{pair.key}`", owner.diagnostics) if owner is not None else None
        if section is not None:
            yield pair.key, section


def _columns(table: Section) -> Iterator[CatalogColumn]:
    for name, key_span, node in table.rest():
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str) or not node.value.strip():
            table.report(wrong_type("the type of a column", node, f"`{name}`"))
        elif node.value.endswith(_NOT_NULL):
            yield CatalogColumn(name, node.value.removesuffix(_NOT_NULL), False, key_span)
        elif node.value.endswith(_NULL):
            yield CatalogColumn(name, node.value.removesuffix(_NULL), True, key_span)
        else:
            yield CatalogColumn(name, node.value, None, key_span)


def catalog_text(catalog: Catalog) -> str:
    """Writes the file: dialects, sources and tables by their names, columns in the order of the table."""
    lines = [_HEADER + f"version: {_VERSION}", "dialects:" if catalog.dialects else "dialects: {}"]
    for dialect, tables in sorted(catalog.dialects.items()):
        lines.append(f"  {_scalar(dialect)}:{'' if tables else ' {}'}")
        last = None
        for (source, table), columns in sorted(tables.items()):
            if source != last:
                lines.append(f"    {_scalar(source)}:")
                last = source
            lines.append(f"      {_scalar(table)}:{'' if columns else ' {}'}")
            lines.extend(f"        {_scalar(column.name)}: {_scalar(str(column))}" for column in columns)
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    """Writes text as YAML reads it back, in quotes where a reader could take it for something else."""
    if _PLAIN.fullmatch(text) and _is_text(text):
        return text
    return '"' + "".join(_character(one) for one in text) + '"'


def _is_text(text: str) -> bool:
    try:
        return isinstance(read_scalar(text), str)
    except BadScalarError:
        return False


def _character(one: str) -> str:
    if one in '"\\':
        return "\\" + one
    return one if one.isprintable() and one != "\ufeff" else f"\\U{ord(one):08x}"
