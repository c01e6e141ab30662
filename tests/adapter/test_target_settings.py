"""A target's settings are checked against those that its adapter has."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from tests.compiler.projects import compiled


def with_target(written: str, **environment: str) -> tuple[dict[str, object], tuple[Diagnostic, ...], str]:
    """The values that the adapter gets, what is wrong, and the settings file."""
    settings = f"name: shop\ntargets:\n  dev: {written}\n"
    project = compiled({"a.sql": "select 1 as id"}, settings=settings, environment=environment)
    return dict(project.compilation.adapter_settings or {}), project.diagnostics, settings


def test_defaults_are_filled_in() -> None:
    values, wrong, _ = with_target("{type: duckdb}")
    assert wrong == ()
    assert values["path"] == "shop.duckdb"
    assert values["read_only"] is False


def test_text_of_a_template_is_read_as_what_it_spells() -> None:
    target = "{type: postgres, host: h, user: u, dbname: d, port: \"{{ env_var('PORT') }}\"}"
    values, wrong, _ = with_target(target, PORT="5433")
    assert (values["port"], wrong) == (5433, ())
    values, wrong, _ = with_target("{type: duckdb, read_only: \"{{ env_var('RO') }}\"}", RO="True")
    assert (values["read_only"], wrong) == (True, ())


def test_a_number_where_text_is_expected_is_text() -> None:
    values, wrong, _ = with_target("{type: postgres, host: h, user: u, dbname: d, password: 1234}")
    assert (values["password"], wrong) == ("1234", ())


@pytest.mark.parametrize(
    ("target", "code", "message", "at", "help"),
    [
        (
            "{type: duckdb, pth: x}",
            Code.UNKNOWN_KEY,
            "a target of type `duckdb` has no setting `pth`",
            "pth",
            "did you mean `path`?",
        ),
        (
            "{type: duckdb, zzz: 1}",
            Code.UNKNOWN_KEY,
            "a target of type `duckdb` has no setting `zzz`",
            "zzz",
            "it has: ",
        ),
        (
            "{type: duckdb, read_only: 3}",
            Code.WRONG_TYPE,
            "`read_only` is true or false, and this is a whole number",
            "3",
            "",
        ),
        (
            "{type: postgres, host: h, user: u, dbname: d, port: many}",
            Code.WRONG_TYPE,
            "`port` is a whole number, and this is text",
            "many",
            "",
        ),
        (
            "{type: dukdb}",
            Code.UNKNOWN_ADAPTER,
            "there is no adapter of type `dukdb`",
            "dev",
            "did you mean `duckdb`?",
        ),
    ],
)
def test_what_is_wrong_is_said(target: str, code: Code, message: str, at: str, help: str) -> None:
    _, (diagnostic,), settings = with_target(target)
    assert (diagnostic.code, diagnostic.message) == (code, message)
    assert diagnostic.span is not None
    assert settings[diagnostic.span.start : diagnostic.span.end] == at
    assert diagnostic.help.startswith(help)


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    _, wrong, _ = with_target("{type: postgres, host: h, user: u, dbname: d, password: [hush, hush]}")
    assert [d.code for d in wrong] == [Code.WRONG_TYPE]
    assert "hush" not in str([(d.message, d.help, d.label, d.notes) for d in wrong])
