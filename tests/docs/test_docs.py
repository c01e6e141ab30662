"""The documentation shows what is really printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.replay import _BLOCK, ROOT, pages, prepare, run, same, steps


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    prepare(page, tmp_path)
    wrong: list[str] = []
    for block in _BLOCK.finditer(page.read_text()):
        for step in steps(block.group(1)):
            printed = run(step.command, tmp_path)
            if not same(step.shown, printed):
                wrong.append(f"$ {step.command}\n--- shown\n{step.shown}--- printed\n{printed}")
    assert not wrong, "\n".join(wrong) + "\nwrite it anew: python -m tests.docs.replay"


def test_links_between_pages_lead_somewhere() -> None:
    broken: list[str] = []
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "example_project" / "README.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def test_a_difference_is_seen_and_what_is_volatile_is_not() -> None:
    assert same("done in 1.2 s\n", "done in 3.4 s\n")
    assert same("a\n...\nd\n", "a\nb\nc\nd\n")
    assert same("a\n...\n", "a\n")
    assert not same("a\n...\nd\n", "a\nb\nc\n")
    assert not same("1 row\n", "2 rows\n")
