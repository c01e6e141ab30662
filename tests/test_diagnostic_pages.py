"""Every diagnostic code has a page, and what the page shows as an example makes that diagnostic."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

import sqlflow
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.state.event import NodeFinished, RunFinished

PAGES = files("sqlflow") / "core" / "pages"
NAMES = sorted(entry.name for entry in PAGES.iterdir() if entry.name.endswith(".md"))
TITLE = re.compile(r"# (SF\d{4}): (\S.*)")
# A block whose first line names a file in a comment: `-- models/orders.sql` or `# sqlflow.yml`.
FILE = re.compile(
    r"^```\w+\n(?:--|#) (\S+/\S+|sqlflow\.yml|sources\.lock\.yml)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
SETTINGS = "name: shop\ntargets:\n  dev:\n    type: duckdb\n"

# Examples that are not made of the project's files alone, each with what is missing.
NOT_FROM_FILES = {
    Code.PROJECT_NOT_FOUND: "the absence of a project",
    Code.NOT_UTF8: "a file in another encoding",
    Code.DRIVER_MISSING: "a machine without the driver",
    Code.UNREADABLE_FILE: "a file without the right to read it",
    Code.BAD_SELECTOR: "words on the command line",
    Code.EMPTY_SELECTION: "words on the command line",
    Code.CANNOT_DEFER: "an option on the command line",
    Code.PARENT_MISSING: "an option on the command line",
    Code.TIMED_OUT: "a query that is slow",
    Code.TEST_NOT_RUN: "a selection, and a warehouse in which something is missing",
    Code.SCHEMA_CHANGED: "two builds, and a change between them",
    Code.NOT_A_SNAPSHOT: "a table that something else has made",
    Code.NOTHING_BEFORE: "a rollback",
    Code.DESTRUCTIVE_CHANGE: "two builds, and a change between them",
    Code.NOT_RENAMED: "two builds, and a change between them",
    Code.LEASE: "two builds at once on a server",
    Code.SOURCE_NOT_ASKED: "a warehouse that is asked for its rows",
    Code.SIGNAL_FAILED: "a signal that is asked while a build runs",
    Code.STALE_SOURCE: "a source whose rows have an age",
    Code.GRANT_REFUSED: "a server with roles",
    Code.VIEWS_IN_THE_WAY: "an engine whose views hold on to their table",
    Code.SEED_NOT_LOADED: "a csv file, which has no comments",
    Code.UNSUPPORTED_BY_ENGINE: "a call of the Python API",
    Code.SOURCE_MISSING: "a warehouse that is asked for its tables",
    Code.IBIS_NOT_COMPILED: "an option on the command line",
    Code.STATE_DAMAGED: "a file that was damaged",
    Code.STATE_NEWER: "a later version of sqlflow",
    Code.STATE_NOT_IMPORTED: "an option on the command line",
    Code.INTERNAL: "a mistake in sqlflow",
}


def page(code: Code) -> str:
    return (PAGES / f"{code.value}.md").read_text(encoding="utf-8")


def test_every_code_has_a_page() -> None:
    assert sorted({f"{code.value}.md" for code in Code} - set(NAMES)) == []


def test_every_page_has_a_code() -> None:
    assert sorted(set(NAMES) - {f"{code.value}.md" for code in Code}) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_title_has_the_code_and_a_phrase(name: str) -> None:
    title = TITLE.fullmatch((PAGES / name).read_text(encoding="utf-8").splitlines()[0])
    assert title is not None
    assert title[1] == name.removesuffix(".md")
    assert not title[2].endswith(".")


def test_titles_are_told_apart() -> None:
    titles = [page(code).splitlines()[0].partition(": ")[2] for code in Code]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_short_and_has_an_example_and_advice(name: str) -> None:
    lines = (PAGES / name).read_text(encoding="utf-8").splitlines()
    assert 12 <= len(lines) <= 45
    assert [line for line in lines if line.startswith("## ")] == ["## Example", "## What to do"]
    assert max(map(len, lines)) <= 120
    assert sum(line.startswith("```") for line in lines) % 2 == 0


@pytest.mark.parametrize("code", [code for code in Code if code not in NOT_FROM_FILES])
def test_the_example_makes_the_diagnostic(
    code: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_DATABASE", raising=False)
    example = page(code).partition("## What to do")[0]
    blocks = dict(FILE.findall(example))
    assert blocks, "no block of the example names a file"
    for path, content in {"sqlflow.yml": SETTINGS, **blocks}.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    assert code in {diagnostic.code for diagnostic in outcome(tmp_path)}


def outcome(root: Path) -> list[Diagnostic]:
    """Everything that loading says and, where that goes well, building twice, then doing what was planned."""
    project = sqlflow.load(root)
    found = list(project.diagnostics)
    if not project.ok:
        return found
    try:
        planned = project.review().saved
        for _ in range(2):
            for event in project.build():
                if isinstance(event, (NodeFinished, RunFinished)):
                    found.extend(event.diagnostics)
        project.apply_saved(planned).close()
    except ProjectError as error:
        found.extend(error.diagnostics)
    return found
