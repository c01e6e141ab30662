"""The project's macros, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2.runtime import Context
from jinja2.utils import missing

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.span import Span
from sqlflow.render.compiled import Compiled, Parsed, compile_template, parse
from sqlflow.render.environment import TemplateEnvironment
from sqlflow.render.problems import AlreadyReported

# Finds what a file that does not parse meant to define.
_DEFINES = re.compile(r"\{%[-+]?\s*macro\s+([^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class MacroIndex:
    """Which file defines which macro. A file is parsed when the index is made, compiled when first used."""

    environment: TemplateEnvironment
    files: Mapping[str, str]
    broken: frozenset[str]
    _parsed: Mapping[str, Parsed]
    _needs: dict[str, frozenset[str]] = field(default_factory=dict)
    _compiled: dict[str, Compiled | Diagnostic] = field(default_factory=dict)

    def compiled(self, path: str) -> Compiled | Diagnostic:
        """Gives a macro file's code, or why there is none."""
        found = self._compiled.get(path)
        if found is None:
            found = self._compiled[path] = compile_template(self.environment, self._parsed[path])
        return found

    def needs(self, name: str) -> frozenset[str]:
        """Gives a macro with those of its own file that it uses, directly or not."""
        known = self._needs.get(name)
        if known is None:
            calls = self._parsed[self.files[name]].calls()
            seen: set[str] = set()
            left = [name]
            while left:
                macro = left.pop()
                if macro not in seen:
                    seen.add(macro)
                    left += calls[macro]
            known = self._needs[name] = frozenset(seen)
        return known

    def failures(self) -> tuple[Diagnostic, ...]:
        """Gives the mistakes that were found when files were compiled."""
        return tuple(found for found in self._compiled.values() if isinstance(found, Diagnostic))

    def templates(self) -> Mapping[str, Compiled]:
        """Gives the files that were compiled, by path."""
        return {path: found for path, found in self._compiled.items() if isinstance(found, Compiled)}


def index_macros(
    environment: TemplateEnvironment, paths: Sequence[str], texts: Mapping[str, str]
) -> tuple[MacroIndex, tuple[Diagnostic, ...]]:
    """Parses the macro files; a macro that is defined twice keeps its first definition."""
    diagnostics: list[Diagnostic] = []
    places: dict[str, Span] = {}
    files: dict[str, str] = {}
    broken: set[str] = set()
    parsed: dict[str, Parsed] = {}
    for path in paths:
        text = texts.get(path)
        if text is None:
            continue
        found = parse(environment, path, text)
        if isinstance(found, Diagnostic):
            diagnostics.append(found)
            broken.update(_DEFINES.findall(text))
            continue
        parsed[path] = found
        for name, span in found.macros():
            if name in places:
                diagnostics.append(
                    Diagnostic(
                        code=Code.DUPLICATE_NAME,
                        message=f"macro `{name}` is defined twice",
                        span=span,
                        label="defined again here",
                        labels=(Label(places[name], "first defined here"),),
                        help="rename one of the two",
                    )
                )
                continue
            places[name] = span
            files[name] = path
    index = MacroIndex(environment, files, frozenset(broken - files.keys()), parsed)
    return index, tuple(diagnostics)


class Macros:
    """The macros as one rendering sees them: a file's are made when the first of them is looked up."""

    __slots__ = ("_index", "_modules", "_parent", "used")

    def __init__(self, index: MacroIndex, parent: dict[str, Any]) -> None:
        self._index = index
        self._parent = parent
        self._modules: dict[str, Context] = {}
        self.used: set[str] = set()

    def find(self, name: str) -> Any:
        """Gives a macro, or Jinja's `missing`."""
        path = self._index.files.get(name)
        if path is None:
            if name in self._index.broken:
                raise AlreadyReported
            return missing
        if name not in self.used:
            self.used |= self._index.needs(name)
        module = self._modules.get(path)
        if module is None:
            module = self._make(path)
        return module.vars.get(name, missing)

    def _make(self, path: str) -> Context:
        compiled = self._index.compiled(path)
        if isinstance(compiled, Diagnostic):
            raise AlreadyReported
        environment = self._index.environment
        module = environment.context_class(environment, self._parent, path, dict(compiled.blocks))
        self._modules[path] = module
        try:
            for _ in compiled.root(module):
                pass
        except BaseException:
            del self._modules[path]
            raise
        return module


class PackageMacros:
    """The macros of a project, for `project_name.macro_name`."""

    __slots__ = ("_macros",)

    def __init__(self, macros: Macros) -> None:
        self._macros = macros

    def __getitem__(self, name: str) -> Any:
        found = self._macros.find(name) if isinstance(name, str) else missing  # pyright: ignore[reportUnnecessaryIsInstance]
        if found is missing:
            raise KeyError(name)
        return found
