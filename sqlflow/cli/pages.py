"""The pages of diagnostics, which are data of the package."""

from __future__ import annotations

from importlib.resources import files

from sqlflow.core.codes import Code


def read_page(code: Code) -> str:
    """Gives the page of a code, in markdown."""
    return files("sqlflow").joinpath("core", "pages", f"{code.value}.md").read_text(encoding="utf-8")


def title(code: Code) -> str:
    """Gives the title of a code's page: `unknown reference`."""
    return read_page(code).splitlines()[0].removeprefix(f"# {code.value}: ")
