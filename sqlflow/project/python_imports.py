"""Finds the project's own files that a Python file imports, directly or through others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from sqlflow.system.protocol import System


def imported_files(system: System, path: str) -> tuple[str, ...]:
    """Gives a Python file and the files below the root that it imports, by their paths, sorted.

    Imports are read, not carried out: one whose name is only made when it runs is not seen. A file that
    is missing or is no Python is left out, or taken as importing nothing.
    """
    found: set[str] = set()
    stack = [path]
    while stack:
        file = stack.pop()
        if file in found or system.stat(file) is None:
            continue
        found.add(file)
        try:
            tree = ast.parse(system.read(file))
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        for module in _modules(tree, PurePosixPath(file)):
            base = module.replace(".", "/")
            stack += [f"{base}.py", f"{base}/__init__.py"]
    return tuple(sorted(found))


def _modules(tree: ast.AST, file: PurePosixPath) -> Iterator[str]:
    """The names that may be modules, seen from the root; importing one imports the packages around it."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = [node.module] if node.module else []
            if node.level:
                folder = file.parents[node.level - 1] if node.level <= len(file.parents) else file.parent
                start = [part for part in folder.parts if part != "."] + start
            base = ".".join(start)
            names = [base, *(f"{base}.{alias.name}" if base else alias.name for alias in node.names)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1) if parts[0])
