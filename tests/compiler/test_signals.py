"""The signals that models wait for are there, and are given what they take."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from tests.compiler.projects import Compiled, compiled

SIGNALS = """def landed():
    return True


def after(now, hour, minutes=0):
    return True


def of_batch(start, end, *, path=""):
    return True
"""


def project(config: str, signals: str = SIGNALS) -> Compiled:
    model = f"{{{{ config({config}) }}}} select 1 as id, timestamp '2024-01-01 00:00:00' as moment"
    return compiled({"q.sql": model, "signals/s.py": signals})


BY_TIME = (
    "materialized='incremental', incremental_strategy='time_range', event_time='moment', begin='2024-01-01', "
)


@pytest.mark.parametrize(
    "config",
    [
        "signals='landed'",
        "signals=['landed', {'after': {'hour': 6}}]",
        "signals=[{'after': {'hour': 6, 'minutes': 1}}, {'landed': none}]",
        BY_TIME + "signals=['of_batch', 'landed']",
    ],
)
def test_signals_that_are_right(config: str) -> None:
    project(config).clean()


def test_what_a_model_waits_for() -> None:
    use = "signals=[{'of_batch': {'path': 'x'}}, {'after': {'hour': 6}}]"
    [of_batch, after] = project(BY_TIME + use).clean().model().signals
    assert (of_batch.path, of_batch.is_of_batches) == ("signals/s.py", True)
    assert dict(of_batch.arguments) == {"path": "x"}
    assert (after.is_of_batches, after.parameters) == (False, ("now", "hour", "minutes"))


@pytest.mark.parametrize(
    ("config", "code", "message", "help_"),
    [
        ("signals='lnded'", Code.UNKNOWN_SIGNAL, "there is no signal `lnded`", "did you mean `landed`?"),
        ("signals='x'", Code.UNKNOWN_SIGNAL, "there is no signal `x`", "a function in `signals/`"),
        ("signals='after'", Code.SIGNAL_ARGUMENTS, "needs `hour`", "write `after: {hour: ...}`"),
        (
            "signals=[{'after': {'hour': 1, 'minute': 2}}]",
            Code.SIGNAL_ARGUMENTS,
            "takes no `minute`",
            "did you mean `minutes`?",
        ),
        ("signals=[{'landed': {'x': 1}}]", Code.SIGNAL_ARGUMENTS, "takes no `x`", "it takes no arguments"),
        (
            "signals=[{'after': {'hour': 1, 'now': 2}}]",
            Code.SIGNAL_ARGUMENTS,
            "`now` is given by sqlflow",
            "`hour`",
        ),
        ("signals='of_batch'", Code.SIGNAL_ARGUMENTS, "`q` has none", "built by time range"),
        (
            "materialized='ephemeral', signals='landed'",
            Code.SIGNAL_ARGUMENTS,
            "an ephemeral model waits for nothing",
            "",
        ),
        ("signals=[5]", Code.WRONG_TYPE, "an item of `signals` must be a signal's name", ""),
        ("signals=['']", Code.INVALID_VALUE, "a name in `signals` is empty", ""),
        ("signals=[{'after': 5}]", Code.WRONG_TYPE, "what is given to the signal `after` must be", ""),
        ("signals=[{'after': {}, 'landed': {}}]", Code.WRONG_TYPE, "an item of `signals`", ""),
    ],
)
def test_mistakes_in_a_model(config: str, code: Code, message: str, help_: str) -> None:
    found = project(config)
    said = found.only()
    assert said.code == code
    assert message in said.message
    assert help_ in said.help
    assert found.at(said.span)[0] == "models/q.sql"


def test_the_place_in_a_properties_file() -> None:
    found = compiled(
        {
            "q.sql": "select 1 as id",
            "models/q.yml": "models:\n  - name: q\n    config:\n      signals:\n"
            "        - after: {minutes: 5}\n",
            "signals/s.py": SIGNALS,
        }
    )
    said = found.only()
    assert (said.code, found.at(said.span)) == (
        Code.SIGNAL_ARGUMENTS,
        ("models/q.yml", "- after: {minutes: 5}"),
    )
    assert [found.at(label.span) for label in said.labels] == [("signals/s.py", "after")]


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("async def s():\n    return True\n", Code.PYTHON_CONFIG, "s", "the signal `s` is an async function"),
        ("def s(*args):\n    return True\n", Code.PYTHON_PARAMETER, "args", "`*args` takes nothing"),
        ("def s(**more):\n    return True\n", Code.PYTHON_PARAMETER, "more", "`**more` takes nothing"),
        ("def s(a, /):\n    return True\n", Code.PYTHON_PARAMETER, "a", "`a` is positional only"),
        ("def s(:\n", Code.PYTHON_SYNTAX, ":", "signals/s.py is not Python"),
        ("def s(): ...\ndef s(): ...\n", Code.DUPLICATE_NAME, "s", "two signals of the name `s`"),
    ],
)
def test_mistakes_in_a_file_of_signals(text: str, code: Code, place: str, message: str) -> None:
    found = compiled({"q.sql": "select 1 as id", "signals/s.py": text})
    said = found.only()
    assert (said.code, found.at(said.span)) == (code, ("signals/s.py", place))
    assert message in said.message
