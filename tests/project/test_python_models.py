from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeKind
from sqlflow.project.config import keys_of
from sqlflow.project.decorator import ModelConfig, model, ref, source
from sqlflow.project.python_models import PythonModel, read_python_models
from sqlflow.project.types import FrameKind, RefTarget
from tests.project.reading import covered, shown

HEAD = "import pandas as pd\nimport polars\nimport pyarrow as pa\nimport duckdb\nimport sqlflow\n"


def read(text: str) -> tuple[tuple[PythonModel, ...], tuple[Diagnostic, ...]]:
    return read_python_models(text, "m.py")


def only(text: str) -> PythonModel:
    (found,), diagnostics = read(text)
    assert diagnostics == ()
    return found


def test_public_functions_defined_in_the_file_are_models() -> None:
    text = HEAD + (
        "from other import imported\n"
        "def _helper(x, *y): return x\n"
        "class Thing:\n    def method(self): ...\n"
        "value = lambda x: x\n"
        "if value:\n    def conditional(x): ...\n"
        "async def _waits(): ...\n"
        "def first(a: pd.DataFrame): return a\n"
        "def second(): ...\n"
    )
    models, diagnostics = read(text)
    assert diagnostics == ()
    assert [found.function.name for found in models] == ["first", "second"]
    assert [covered(found.span, text) for found in models] == ["first", "second"]


@pytest.mark.parametrize(
    ("imports", "annotation", "frame"),
    [
        ("import pandas", "pandas.DataFrame", FrameKind.PANDAS),
        ("import pandas as pd", "pd.DataFrame", FrameKind.PANDAS),
        ("import pandas as pd", "'pd.DataFrame'", FrameKind.PANDAS),
        ("from pandas import DataFrame", "DataFrame", FrameKind.PANDAS),
        ("from polars import DataFrame as F", "F", FrameKind.POLARS),
        ("import pyarrow.compute", "pyarrow.Table", FrameKind.ARROW),
        ("from pyarrow.lib import Table", "Table", FrameKind.ARROW),
        ("import duckdb", "duckdb.DuckDBPyRelation", FrameKind.DUCKDB),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import polars as pl",
            "pl.DataFrame",
            FrameKind.POLARS,
        ),
        (
            "try:\n    import polars as pl\nexcept ImportError:\n    pl = None",
            "pl.DataFrame",
            FrameKind.POLARS,
        ),
    ],
)
def test_annotations(imports: str, annotation: str, frame: FrameKind) -> None:
    text = f"{imports}\ndef m(orders: {annotation}): ...\n"
    (parameter,) = only(text).function.parameters
    assert (parameter.name, parameter.frame) == ("orders", frame)
    assert parameter.reference == RefTarget("name", ("orders",))
    assert covered(parameter.span, text) == "orders"


@pytest.mark.parametrize(
    ("imports", "annotation", "target"),
    [
        ("from typing import Annotated", "Annotated[pd.DataFrame, ref('x')]", RefTarget("ref", ("x",))),
        ("import typing as t", "t.Annotated[pd.DataFrame, ref('p', 'x')]", RefTarget("ref", ("p", "x"))),
        (
            "from typing import Annotated",
            "Annotated[pd.DataFrame, 'note', sqlflow.source('raw', 'a b')]",
            RefTarget("source", ("raw", "a b")),
        ),
        (
            "from typing_extensions import Annotated\nfrom sqlflow import ref as r",
            "Annotated['pd.DataFrame', r('x')]",
            RefTarget("ref", ("x",)),
        ),
        (
            "from typing import Annotated",
            "\"Annotated[pd.DataFrame, ref('x')]\"",
            RefTarget("ref", ("x",)),
        ),
        ("from typing import Annotated", "Annotated[pd.DataFrame, \"ref('x')\"]", RefTarget("ref", ("x",))),
    ],
)
def test_annotated(imports: str, annotation: str, target: RefTarget) -> None:
    (parameter,) = only(f"{HEAD}{imports}\ndef m(y: {annotation}): ...\n").function.parameters
    assert (parameter.name, parameter.reference, parameter.frame) == ("y", target, FrameKind.PANDAS)


def test_several_parameters() -> None:
    text = HEAD + "def m(a: pd.DataFrame, *, b: polars.DataFrame): ...\n"
    assert [(p.name, p.frame) for p in only(text).function.parameters] == [
        ("a", FrameKind.PANDAS),
        ("b", FrameKind.POLARS),
    ]


@pytest.mark.parametrize(
    ("imports", "decorator"),
    [
        ("import sqlflow", "@sqlflow.model"),
        ("import sqlflow as sf", "@sf.model"),
        ("from sqlflow import model", "@model"),
        ("from sqlflow import model as configure", "@configure"),
    ],
)
def test_the_decorator(imports: str, decorator: str) -> None:
    text = (
        f"{imports}\nimport functools\n@functools.cache\n{decorator}(materialized='incremental', "
        "unique_key=('a', 'b'), tags=['x'], meta={'k': {'n': -1}}, enabled=True, timeout=1.5)\n"
        "def m(): ...\n"
    )
    config = only(text).config
    assert {key: entry.value for key, entry in config.items()} == {
        "materialized": "incremental",
        "unique_key": ("a", "b"),
        "tags": ("x",),
        "meta": {"k": {"n": -1}},
        "enabled": True,
        "timeout": 1.5,
    }
    entry = config["unique_key"]
    assert (covered(entry.key, text), covered(entry.span, text)) == ("unique_key", "('a', 'b')")


def test_a_decorator_of_somebody_else_is_not_ours() -> None:
    assert only("from other import model\n@model(anything=object())\ndef m(): ...\n").config == {}


def test_description_and_columns() -> None:
    text = "import sqlflow\n@sqlflow.model(description='Said', columns={'a': 'int'})\ndef m():\n    'Doc.'\n"
    found = only(text)
    assert found.description == "Said" and dict(found.config) == {}
    (column,) = found.columns
    assert (column.name, column.data_type, covered(column.span, text)) == ("a", "int", "{'a': 'int'}")
    assert only("def m():\n    '''One.\n\n    Two.\n    '''\n").description == "One.\n\nTwo."
    assert only("def m(): ...\n").description == ""


MODEL = HEAD + "@sqlflow.model(%s)\ndef m(): ...\n"


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        (MODEL % "tags=[x]", Code.PYTHON_CONFIG, "[x]", "`tags` is not a literal"),
        (MODEL % "alias=f'a{1}'", Code.PYTHON_CONFIG, "f'a{1}'", "not a literal"),
        (MODEL % "timeout=3j", Code.PYTHON_CONFIG, "3j", "not a literal"),
        (MODEL % "alias=b'x'", Code.PYTHON_CONFIG, "b'x'", "not a literal"),
        (MODEL % "'table'", Code.PYTHON_CONFIG, "'table'", "keywords only"),
        (MODEL % "**config", Code.PYTHON_CONFIG, "**config", "`**` hides"),
        (MODEL % "name='x'", Code.PYTHON_CONFIG, "name", "named by its function"),
        (MODEL % "materialised='table'", Code.UNKNOWN_KEY, "materialised", "unknown key `materialised`"),
        (MODEL % "delimiter=';'", Code.UNKNOWN_KEY, "delimiter", "unknown key `delimiter`"),
        (MODEL % "description=1", Code.WRONG_TYPE, "1", "`description` must be text"),
        (MODEL % "columns=['a']", Code.WRONG_TYPE, "['a']", "`columns` must be a mapping"),
        (MODEL % "columns={'a': 1}", Code.WRONG_TYPE, "{'a': 1}", "`columns` must be a mapping"),
        (HEAD + "@sqlflow.model\ndef m(): ...\n", Code.PYTHON_CONFIG, "sqlflow.model", "is not called"),
        ("async def m(): ...\n", Code.PYTHON_CONFIG, "m", "async function"),
        ("def m(é): ...\n", Code.PYTHON_PARAMETER, "é", "`é` has no annotation"),
        ("def m(a: int): ...\n", Code.PYTHON_PARAMETER, "int", "the annotation of `a`"),
        ("def m(a: pd.DataFrame): ...\n", Code.PYTHON_PARAMETER, "pd.DataFrame", "the annotation of `a`"),
        (
            HEAD + "def m(a: polars.LazyFrame): ...\n",
            Code.PYTHON_PARAMETER,
            "polars.LazyFrame",
            "the annotation of `a`",
        ),
        ("def m(a: 'x y'): ...\n", Code.PYTHON_PARAMETER, "'x y'", "the annotation of `a`"),
        ("def m(*a): ...\n", Code.PYTHON_PARAMETER, "a", "`*a` names no upstream model"),
        ("def m(**a): ...\n", Code.PYTHON_PARAMETER, "a", "`**a` names no upstream model"),
        (
            HEAD + "def m(a: pd.DataFrame = None): ...\n",
            Code.PYTHON_PARAMETER,
            "None",
            "a parameter of a model has no default",
        ),
        (
            HEAD + "def m(*, a: pd.DataFrame = 1): ...\n",
            Code.PYTHON_PARAMETER,
            "1",
            "a parameter of a model has no default",
        ),
        ("def m(a, /): ...\n", Code.PYTHON_PARAMETER, "a", "positional only"),
        (
            HEAD + "from typing import Annotated\ndef m(a: Annotated[pd.DataFrame, 'x']): ...\n",
            Code.PYTHON_PARAMETER,
            "Annotated[pd.DataFrame, 'x']",
            "names no upstream model",
        ),
        (
            HEAD + "from typing import Annotated\ndef m(a: Annotated[pd.DataFrame, ref(x)]): ...\n",
            Code.PYTHON_PARAMETER,
            "Annotated[pd.DataFrame, ref(x)]",
            "names no upstream model",
        ),
        (
            HEAD + "from typing import Annotated\ndef m(a: Annotated[()]): ...\n",
            Code.PYTHON_PARAMETER,
            "Annotated[()]",
            "names no upstream model",
        ),
        ("x = 'é'\ndef m(:\n", Code.PYTHON_SYNTAX, ":", "is not Python"),
        ("é = (1,\n", Code.PYTHON_SYNTAX, "(", "never closed"),
        ("é = 1 1\n", Code.PYTHON_SYNTAX, "1", "is not Python"),
        ("a = 1\r# é\rb = = 1\n", Code.PYTHON_SYNTAX, "=", "is not Python"),
        ("a = '\0'\n", Code.PYTHON_SYNTAX, "\0", "a null byte"),
        ("x = '\ud800'\n", Code.PYTHON_SYNTAX, "x", "not Unicode"),
    ],
)
def test_mistakes(text: str, code: Code, place: str, message: str) -> None:
    _, diagnostics = read(text)
    assert shown(diagnostics, text) == [(code, place)]
    assert message in diagnostics[0].message


def test_the_accepted_annotations_are_listed() -> None:
    _, (found,) = read("def m(a): ...\n")
    for kind in FrameKind:
        assert f"`{kind}`" in found.help


def test_places_are_in_characters_on_a_line_that_is_not_ascii() -> None:
    text = "import sqlflow\n@sqlflow.model(meta={'é😀': 1}, tags=bad)\ndef m(): ...\n"
    _, diagnostics = read(text)
    assert shown(diagnostics, text) == [(Code.PYTHON_CONFIG, "bad")]


def test_a_model_with_a_mistake_is_still_known() -> None:
    models, diagnostics = read("def m(a, b: int): ...\n")
    assert [found.function.name for found in models] == ["m"]
    assert len(diagnostics) == 2


@pytest.mark.parametrize("text", ["(" * 5_000, "x = " + "-" * 50_000 + "1", "[" * 150 + "]" * 150])
def test_deep_nesting_is_no_crash(text: str) -> None:
    _, diagnostics = read(text)
    assert [d.code for d in diagnostics] in ([], [Code.PYTHON_SYNTAX])


def test_a_deep_literal_is_read() -> None:
    value = only(MODEL % f"tags={'[' * 90}{']' * 90}").config["tags"].value
    assert repr(value).count("(") == 90


def test_nothing_is_printed_about_odd_escapes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        only("def m():\n    return '\\d'\n")


def test_the_file_is_not_run() -> None:
    assert only("import nothing_of_that_name\nraise SystemExit\ndef m(): ...\n").function.name == "m"


PIECES = st.lists(
    st.sampled_from(
        [
            "def",
            "async ",
            "m",
            "(",
            ")",
            ":",
            ",",
            "a",
            "*",
            "**",
            "=",
            "pd.DataFrame",
            "'x'",
            "é",
            "@",
            "sqlflow.model",
            "import sqlflow",
            "\n",
            "    ",
            "...",
            "Annotated",
            "[",
            "]",
            "ref('x')",
            "\r",
            "\x00",
            "\x0c",
            "/",
            "import pandas as pd\n",
            "def m(a: ",
        ]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(PIECES | st.text(max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    _, diagnostics = read(text)
    for diagnostic in diagnostics:
        covered(diagnostic.span, text)


@settings(max_examples=200, deadline=None)
@given(PIECES, PIECES)
def test_no_arguments_make_it_raise(keywords: str, parameters: str) -> None:
    text = f"{HEAD}from typing import Annotated\n@sqlflow.model({keywords})\ndef m({parameters}): ...\n"
    _, diagnostics = read(text)
    for diagnostic in diagnostics:
        covered(diagnostic.span, text)


def test_the_decorator_gives_the_function_back() -> None:
    def function(x: int) -> int:
        return x + 1

    assert model(materialized="table", tags=["a"])(function) is function
    assert ref("pkg", "x") == RefTarget("ref", ("pkg", "x"))
    assert source("raw", "t") == RefTarget("source", ("raw", "t"))


def test_the_decorator_knows_every_setting_of_a_model() -> None:
    assert set(ModelConfig.__annotations__) == {*keys_of(NodeKind.MODEL), "description", "columns"}
