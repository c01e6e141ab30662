"""Templates in the values of YAML files."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.render.values import make_render_value

PLACE = Span("sqlflow.yml", 3, 9)
ENVIRONMENT = {"PORT": "5432", "FLAG": "yes", "LIST": "[1, 2]", "SQLFLOW_SECRET_P": "hunter2", "EMPTY": ""}


def evaluate(text: str, *, secrets: bool = True) -> tuple[Value, tuple[Diagnostic, ...]]:
    return make_render_value(ENVIRONMENT, {"n": 3, "xs": (1, 2)}, allow_secrets=secrets)(text, PLACE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{ env_var('PORT') }}", "5432"),
        ("{{ env_var('PORT') | as_number }}", 5432),
        ("{{ '1.5' | as_number }}", 1.5),
        ("{{ env_var('FLAG') | as_bool }}", True),
        ("{{ env_var('LIST') | as_native }}", (1, 2)),
        ("{{ env_var('LIST') | as_text }}", "[1, 2]"),
        ("{{ env_var('NO', 7) }}", 7),
        ("{{ env_var('EMPTY') }}", ""),
        ("{{ env_var('SQLFLOW_SECRET_P') }}", "hunter2"),
        ("{{ var('n') }}", 3),
        ("{{ var('xs') }}", (1, 2)),
        ("{{ var('no', none) }}", None),
        ("p{{ var('n') }}", "p3"),
        ("{{ var('n') }}{{ var('n') }}", "33"),
        ("{% if var('n') == 3 %}{{ var('n') + 1 }}{% endif %}", 4),
        ("{{ {'a': [var('n')]} }}", {"a": (3,)}),
    ],
)
def test_a_value(text: str, value: Value) -> None:
    assert evaluate(text) == (value, ())


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{{ env_var('NO') }}", Code.MISSING_ENV_VAR, "`NO`"),
        ("{{ env_var('SQLFLOW_SECRET_P') | as_number }}", Code.TEMPLATE_ERROR, "not a number"),
        ("{{ env_var('SQLFLOW_SECRET_P') | as_bool }}", Code.TEMPLATE_ERROR, "neither true nor false"),
        ("{{ {}[env_var('SQLFLOW_SECRET_P')] }}", Code.UNDEFINED_NAME, "failed on the value"),
        ("{{ env_var('SQLFLOW_SECRET_P') + 1 }}", Code.TEMPLATE_ERROR, "concatenate"),
        ("{{ var(env_var('SQLFLOW_SECRET_P')) }}", Code.MISSING_VAR, "failed on the value"),
        ("{{ var('nn') }}", Code.MISSING_VAR, "`nn`"),
        ("{{ ref('a') }}", Code.UNDEFINED_NAME, "`ref`"),
        ("{{ target }}", Code.UNDEFINED_NAME, "`target`"),
        ("{{ env_var() }}", Code.BAD_CALL, "needs `name`"),
        ("{{ ''.__class__ }}", Code.UNSAFE_TEMPLATE, "unsafe"),
        ("{{ env_var.__globals__ }}", Code.UNSAFE_TEMPLATE, "unsafe"),
        ("{{ env_var.__closure__ }}", Code.UNSAFE_TEMPLATE, "unsafe"),
        ("{{ range(10 ** 8) | list }}", Code.UNSAFE_TEMPLATE, "range"),
        ("{{ 1 + }}", Code.TEMPLATE_SYNTAX, "`}}`"),
        ("{{ env_var }}", Code.TEMPLATE_ERROR, "not a value of a setting"),
    ],
)
def test_a_mistake(text: str, code: Code, message: str) -> None:
    value, (found,) = evaluate(text)
    assert value is None
    assert (found.code, found.span) == (code, PLACE)
    assert message in found.message
    assert "hunter2" not in repr(found)


def test_secrets_are_for_settings_of_the_target_only() -> None:
    value, (found,) = evaluate("{{ env_var('SQLFLOW_SECRET_P', 'd') }}", secrets=False)
    assert (value, found.code) == (None, Code.SECRET_IN_MODEL)
    assert evaluate("{{ env_var('PORT') }}", secrets=False) == ("5432", ())
