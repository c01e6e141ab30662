"""The layers: what may import what, where dialects are told apart, where the world is touched."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest

from tests.sources import Module, module, modules

RANKS = (
    "core", "system", "dialect", "project", "render", "parse", "link", "bind", "materialize", "checks",
    "state", "plan", "memo", "adapter", "store", "apply", "compiler", "deferring", "manifest", "workspace",
    "environments", "pulling", "asked", "api", "cli",
)  # fmt: skip
TOP = len(RANKS)
FOR_ADAPTERS = {"core", "system", "dialect", "adapter"}
DIALECTS = {
    "athena", "bigquery", "clickhouse", "databricks", "duckdb", "mysql", "postgres", "postgresql", "redshift",
    "snowflake", "spark", "spark2", "sqlite", "trino", "tsql",
}  # fmt: skip
# Where the world may be touched: the rest gets what it needs through a `System`.
# The conformance kit is no part of a run: it waits for a statement that it cancels. The type rules and the
# pairs of dialects are data of the package itself.
TOUCHING = (
    "sqlflow.system", "sqlflow.apply", "sqlflow.store", "sqlflow.cli", "sqlflow_",
    "sqlflow.adapter.conformance", "sqlflow.dialect.rules", "sqlflow.dialect.pairs",
)  # fmt: skip

Rule = Callable[[Module], list[str]]


class Import(NamedTuple):
    """An import: the dotted name of what is imported, its line, whether it is made for types alone."""

    target: str
    line: int
    for_types: bool = False


def imports(source: Module) -> Iterator[Import]:
    """Gives the imports of a module, also those in functions and those by a literal name."""
    for_types = {
        inner
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                yield from (Import(alias.name, node.lineno, node in for_types) for alias in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                base = _absolute(source, name, level)
                yield from (Import(f"{base}.{alias.name}", node.lineno, node in for_types) for alias in names)
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
                if _last_name(function) in ("import_module", "__import__"):
                    yield Import(name, node.lineno)
            case _:
                pass


def _absolute(source: Module, name: str | None, level: int) -> str:
    if level == 0:
        return name or ""
    parts = source.name.split(".")
    parts = parts[: len(parts) - level + (1 if source.is_package else 0)]
    return ".".join([*parts, name] if name else parts)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def rank(name: str) -> int:
    """Gives the rank of a module of sqlflow; that of the package itself is above all others."""
    parts = name.split(".")
    return RANKS.index(parts[1]) if len(parts) > 1 and parts[1] in RANKS else TOP


def imports_point_down(source: Module) -> list[str]:
    """Finds imports of a higher rank, and of adapters, which are found by their entry points."""
    wrong: list[str] = []
    for found in imports(source):
        top = found.target.split(".")[0]
        if top.startswith("sqlflow_"):
            wrong.append(f"{source.path}:{found.line}: imports the adapter {top}")
        if top != "sqlflow" or found.target == "sqlflow.__version__":
            continue
        if rank(found.target) > rank(source.name):
            wrong.append(f"{source.path}:{found.line}: imports {found.target} from above")
    return wrong


def every_package_has_a_rank(source: Module) -> list[str]:
    """Finds modules that the ranks do not know."""
    parts = source.name.split(".")
    if len(parts) == 1 or parts[1] in RANKS or source.name == "sqlflow.__main__":
        return []
    return [f"{source.path}: {parts[1]} has no rank"]


def adapters_stay_small(source: Module) -> list[str]:
    """Finds imports of an adapter that are neither the seam, nor its own, nor outside sqlflow."""
    own = source.name.split(".")[0]
    wrong: list[str] = []
    for found in imports(source):
        top, _, rest = found.target.partition(".")
        foreign = top.startswith("sqlflow_") and top != own
        inner = top == "sqlflow" and rest.split(".")[0] not in FOR_ADAPTERS
        if foreign or inner:
            wrong.append(f"{source.path}:{found.line}: imports {found.target}")
    return wrong


def core_is_standard_library_only(source: Module) -> list[str]:
    """Finds imports in core that a bare Python does not have."""
    allowed = sys.stdlib_module_names | {"sqlflow"}
    return [
        f"{source.path}:{found.line}: imports {found.target}"
        for found in imports(source)
        if found.target.split(".")[0] not in allowed
    ]


def no_dialect_is_compared(source: Module) -> list[str]:
    """Finds comparisons with a dialect's name, `match` cases and tables by such names."""
    wrong: list[str] = []
    for node in ast.walk(source.tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                parts = [left, *others]
            case ast.MatchValue(value=value):
                parts = [value]
            case ast.Dict(keys=keys):
                parts = [key for key in keys if key is not None]
            case ast.Call(func=ast.Attribute(attr="startswith" | "endswith"), args=arguments):
                parts = arguments
            case _:
                continue
        names = {text for part in parts for text in _texts(part) if text.lower() in DIALECTS}
        wrong += [f"{source.path}:{node.lineno}: compares with {name!r}" for name in sorted(names)]
    return wrong


def _texts(node: ast.expr) -> Iterator[str]:
    """Gives the text literals of an operand: itself, or the items of its collection."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            for item in items:
                yield from _texts(item)
        case ast.Call(args=arguments):
            for argument in arguments:
                yield from _texts(argument)
        case _:
            pass


TOUCHING_IMPORTS = {
    "glob", "http", "os", "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "time",
    "urllib.request", "uuid", "io.open", "pathlib.Path", "sys.stdin", "sys.stdout", "sys.stderr", "sys.argv",
}  # fmt: skip
TOUCHING_CALLS = {"open", "print", "input", "breakpoint"}
TOUCHING_METHODS = {
    "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "iterdir", "rglob", "rmdir",
    "touch", "utcnow", "today", "getenv", "urlopen",
}  # fmt: skip
TOUCHING_ATTRIBUTES = {
    "datetime.now", "datetime.datetime.now", "io.open", "pathlib.Path", "sys.stdin", "sys.stdout",
    "sys.stderr", "sys.argv",
}  # fmt: skip


def only_the_edge_touches_the_world(source: Module) -> list[str]:
    """Finds files, clocks, environment, output, processes and sockets outside the packages meant for them."""
    if source.name.startswith(TOUCHING):
        return []
    wrong = [
        (found.line, f"imports {found.target}")
        for found in imports(source)
        if not found.for_types
        and any(found.target == name or found.target.startswith(name + ".") for name in TOUCHING_IMPORTS)
    ]
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in TOUCHING_CALLS:
                wrong.append((node.lineno, f"calls {name}"))
            case ast.Call(func=ast.Attribute(attr=name)) if name in TOUCHING_METHODS:
                wrong.append((node.lineno, f"calls .{name}"))
            case ast.Attribute() if ast.unparse(node) in TOUCHING_ATTRIBUTES:
                wrong.append((node.lineno, f"uses {ast.unparse(node)}"))
            case _:
                pass
    return [f"{source.path}:{line}: {what}" for line, what in sorted(set(wrong))]


def breaches(rule: Rule, sources: Iterable[Module]) -> list[str]:
    """Applies a rule to modules."""
    return [breach for source in sources for breach in rule(source)]


SQLFLOW = modules("sqlflow")
ADAPTERS = modules("adapters")
CORE = tuple(source for source in SQLFLOW if source.name.startswith("sqlflow.core"))
OUTSIDE_DIALECT = tuple(source for source in SQLFLOW if not source.name.startswith("sqlflow.dialect"))


def test_the_modules_are_found() -> None:
    names = {source.name for source in (*SQLFLOW, *ADAPTERS)}
    assert {"sqlflow", "sqlflow.core.span", "sqlflow_duckdb"} <= names
    assert CORE


@pytest.mark.parametrize(
    ("rule", "sources"),
    [
        (imports_point_down, SQLFLOW),
        (every_package_has_a_rank, SQLFLOW),
        (adapters_stay_small, ADAPTERS),
        (core_is_standard_library_only, CORE),
        (no_dialect_is_compared, OUTSIDE_DIALECT),
        (only_the_edge_touches_the_world, SQLFLOW),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_rule_holds(rule: Rule, sources: tuple[Module, ...]) -> None:
    assert breaches(rule, sources) == []


@pytest.mark.parametrize(
    "text",
    [
        "import sqlflow.cli.main",
        "import sqlflow",
        "from sqlflow import api",
        "from sqlflow.cli import main",
        "from ..cli import main",
        "from .. import cli",
        "def later():\n    from sqlflow.apply.run import execute",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sqlflow.plan.types import Plan",
        "import importlib\nimportlib.import_module('sqlflow.cli.main')",
        "import sqlflow_duckdb",
    ],
)
def test_an_import_from_above_is_caught(text: str) -> None:
    assert len(imports_point_down(module("sqlflow.link.made_up", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import yaml",
        "from sqlflow.core.span import Span",
        "from sqlflow.link.types import Graph",
        "from .types import Graph",
        "from sqlflow import __version__",
    ],
)
def test_an_import_from_below_or_inside_is_allowed(text: str) -> None:
    assert imports_point_down(module("sqlflow.link.made_up", text)) == []


def test_the_package_itself_may_import_all() -> None:
    text = "from sqlflow.api import load\nfrom sqlflow.cli.main import main"
    assert imports_point_down(module("sqlflow", text, is_package=True)) == []


def test_a_package_without_rank_is_caught() -> None:
    assert every_package_has_a_rank(module("sqlflow.utils.text", ""))
    assert every_package_has_a_rank(module("sqlflow.helpers", ""))
    assert every_package_has_a_rank(module("sqlflow.__main__", "")) == []


@pytest.mark.parametrize(
    "text", ["from sqlflow.plan.types import Plan", "import sqlflow", "from sqlflow_postgres import ADAPTER"]
)
def test_an_adapter_that_reaches_inside_is_caught(text: str) -> None:
    assert len(adapters_stay_small(module("sqlflow_duckdb.errors", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import duckdb",
        "from sqlflow.adapter.protocol import Failure",
        "from sqlflow_duckdb import x",
        "from . import x",
    ],
)
def test_an_adapter_may_use_the_seam_and_its_own(text: str) -> None:
    assert adapters_stay_small(module("sqlflow_duckdb.errors", text)) == []


def test_a_dependency_of_core_is_caught() -> None:
    planted = module("sqlflow.core.made_up", "import json\n\ndef load():\n    import yaml")
    assert core_is_standard_library_only(planted) == ["sqlflow/core/made_up.py:4: imports yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "x = name == 'duckdb'",
        "x = 'postgres' != spec.name",
        "x = name in ('snowflake', 'other')",
        "x = name in {'spark'}",
        "x = name in frozenset(['bigquery'])",
        "match name:\n    case 'duckdb':\n        pass",
        "forms = {'duckdb': 1}",
        "x = name.startswith('postgres')",
    ],
)
def test_a_comparison_of_dialects_is_caught(text: str) -> None:
    assert len(no_dialect_is_compared(module("sqlflow.materialize.made_up", text))) == 1


def test_a_dialect_may_be_named() -> None:
    text = "x = parse(text, dialect='duckdb')\ny = name == 'orders'"
    assert no_dialect_is_compared(module("sqlflow.parse.made_up", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "print('x')",
        "import os",
        "from os import environ",
        "import os.path",
        "from pathlib import Path",
        "import pathlib\nx = pathlib.Path('x')",
        "def f(path):\n    return path.read_text()",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.datetime.now()",
        "import datetime\nx = datetime.date.today()",
        "import time",
        "from time import monotonic",
        "import subprocess",
        "import socket",
        "import sys\nsys.stdout.write('x')",
    ],
)
@pytest.mark.parametrize("name", ["sqlflow.render.made_up", "sqlflow.compiler", "sqlflow.api"])
def test_a_side_effect_is_caught(name: str, text: str) -> None:
    assert only_the_edge_touches_the_world(module(name, text))


@pytest.mark.parametrize(
    "name", ["sqlflow.system.local", "sqlflow.cli.main", "sqlflow.apply.run", "sqlflow.store.x"]
)
def test_the_edge_may_touch_the_world(name: str) -> None:
    assert only_the_edge_touches_the_world(module(name, "import os\nprint(os.environ)")) == []


def test_what_touches_nothing_is_allowed() -> None:
    text = "from pathlib import PurePosixPath\nif TYPE_CHECKING:\n    from pathlib import Path\n"
    text += "x = system.now(), system.stat('x'), time.hour"
    assert only_the_edge_touches_the_world(module("sqlflow.render.made_up", text)) == []
