"""Runs the specifications of this folder: small whole projects, written down with what is expected of them.

A specification is a Markdown file. Each second-level heading begins a case; its fenced blocks are

- files: the info string is a language and a path, as in `sql models/a.sql`;
- `env`: environment variables, `NAME=value` a line;
- expectations: `rows QUERY`, `build ARGUMENTS` and `diagnostics`.

`rows` builds the project if it has changed since, on a DuckDB file, and compares the answer of the query
with the lines of the block, values separated by ` | ` (`no rows` for none). `build` builds with the given
arguments of the Python API and compares how each node ended; it is for what a second build does. Every
build does all that is selected, changed or not.
`diagnostics` compiles, and compares the lines `CODE path "text at the place" message`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sqlflow.api import LoadedProject, load
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.state.event import NodeFinished

# What a materialization does is seen best where a table is a table of its own name.
SETTINGS = "name: shop\nlayout: direct\ntargets: {dev: {type: duckdb, path: w.duckdb}}\n"
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTIONS = {"full_refresh": True, "store_failures": True, "fail_fast": True}


@dataclass(frozen=True, slots=True)
class Case:
    """One heading's blocks, in order: the info string and the text."""

    name: str
    blocks: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Run:
    """A case that is being run: its folder and what it was given so far."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    built: bool = False
    checked: int = 0
    texts: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.texts[path] = text
        self.built = False

    def project(self) -> LoadedProject:
        if "sqlflow.yml" not in self.texts:
            self.write("sqlflow.yml", SETTINGS)
        return load(self.folder)

    def build(self, **options: Any) -> list[str]:
        project = self.project()
        assert project.ok, project.diagnostics
        with project.build(force=True, **options) as events:
            ended = [event for event in events if isinstance(event, NodeFinished)]
        self.built = True
        return [f"{event.status.value} {event.name}" for event in ended]

    def rows(self, query: str) -> list[str]:
        import duckdb

        if not self.built:
            ended = self.build()
            assert not [line for line in ended if not line.startswith(("success", "warn"))], ended
        with duckdb.connect(str(self.folder / "w.duckdb"), read_only=True) as connection:
            found = connection.execute(query).fetchall()
        return [" | ".join(str(value) for value in row) for row in found]

    def diagnostics(self) -> list[str]:
        return [self._line(diagnostic) for diagnostic in self.project().diagnostics]

    def _line(self, diagnostic: Diagnostic) -> str:
        span = diagnostic.span
        assert span is not None
        text = self.texts[span.path][span.start : span.end]
        return f'{diagnostic.code} {span.path} "{text}" {diagnostic.message}'


def cases() -> Iterator[Any]:
    for path in sorted(Path(__file__).parent.glob("*.md")):
        for part in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name = part.split("\n", 1)[0].strip()
            blocks = tuple((info.strip(), text) for info, text in _BLOCK.findall(part))
            yield pytest.param(Case(name, blocks), id=f"{path.stem}: {name}")


def options_of(words: str) -> Mapping[str, Any]:
    """Reads `select=a exclude=b full_refresh`."""
    options: dict[str, Any] = {}
    for word in shlex.split(words):
        key, _, value = word.partition("=")
        options[key] = [value] if value else _OPTIONS[key]
    return options


@pytest.mark.parametrize("case", list(cases()))
def test_specification(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, monkeypatch)
    for info, text in case.blocks:
        word, _, rest = info.partition(" ")
        expected = [line for line in text.splitlines() if line.strip()]
        match word:
            case "env":
                for line in expected:
                    name, _, value = line.partition("=")
                    monkeypatch.setenv(name, value)
            case "rows":
                assert run.rows(rest) == ([] if expected == ["no rows"] else expected), rest
                run.checked += 1
            case "build":
                assert sorted(run.build(**options_of(rest))) == sorted(expected)
                run.checked += 1
            case "diagnostics":
                assert run.diagnostics() == ([] if expected == ["none"] else expected)
                run.checked += 1
            case _:
                assert rest, f"the block `{info}` names no file"
                run.write(rest, text)
    assert run.checked, "nothing is expected"
