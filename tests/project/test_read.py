from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ids import NodeId, NodeKind
from sqlflow.core.value import Value
from sqlflow.project.config import decode_node_config, decode_test_config, merge_layers
from sqlflow.project.types import ConfigLayer, Project
from tests.project.reading import SETTINGS, covered, project_of


def clean(files: dict[str, str | bytes]) -> Project:
    project, diagnostics = project_of(files)
    assert diagnostics == ()
    return project


def places(
    diagnostics: tuple[Diagnostic, ...], files: dict[str, str | bytes]
) -> list[tuple[Code, str, str, bool]]:
    """Gives each diagnostic's code, file, covered text and whether it is an error."""
    found: list[tuple[Code, str, str, bool]] = []
    for d in diagnostics:
        assert d.span is not None
        text = {"sqlflow.yml": SETTINGS, **files}[d.span.path]
        found.append((d.code, d.span.path, covered(d.span, str(text)), d.is_error))
    return found


def plain(layer: ConfigLayer) -> dict[str, Value]:
    return {key: entry.value for key, entry in layer.items()}


def test_every_kind_of_declaration() -> None:
    files: dict[str, str | bytes] = {
        "models/staging/orders.sql": "select 1",
        "models/py.py": "import pandas as pd\ndef busy(orders: pd.DataFrame): ...\ndef _helper(): ...\n",
        "models/p.yml": "sources: [{name: raw, tables: [{name: t}]}]",
        "seeds/codes.csv": "a\n1\n",
        "seeds/deep/more.parquet": b"PAR1",
        "tests/positive.sql": "select 2",
        "macros/deep/m.sql": "{% macro m() %}{% endmacro %}",
        "macros/notes.py": "not read",
    }
    project = clean(files)
    assert list(project.models) == ["model.shop.busy", "model.shop.orders"]
    assert list(project.seeds) == ["seed.shop.codes", "seed.shop.more"]
    assert list(project.sources) == ["source.shop.raw.t"]
    assert list(project.tests) == ["test.shop.positive"]
    assert project.macro_files == ("macros/deep/m.sql",)
    assert project.texts == {
        "macros/deep/m.sql": "{% macro m() %}{% endmacro %}",
        "models/staging/orders.sql": "select 1",
        "tests/positive.sql": "select 2",
    }
    orders, busy = project.models[NodeId("model.shop.orders")], project.models[NodeId("model.shop.busy")]
    assert (orders.function, orders.path, orders.span.start) == (None, "models/staging/orders.sql", 0)
    assert busy.function is not None and [p.name for p in busy.function.parameters] == ["orders"]


CONFIG = """
models:
  +tags: top
  +materialized: view
  +meta: {a: 1, b: 1}
  staging:
    +tags: folder
    +materialized: table
    deep: {+tags: deep}
    orders: {+tags: by_name}
  other: {+tags: never}
seeds: {+schema: landing}
tests:
  +severity: warn
  +tags: top
  staging: {+tags: folder}
"""
LAYERED: dict[str, str | bytes] = {
    "sqlflow.yml": SETTINGS + CONFIG,
    "models/staging/orders.sql": "",
    "models/staging/deep/items.sql": "",
    "models/other/x.sql": "",
    "models/staging/p.yml": """
models:
  - name: orders
    config: {tags: yaml, materialized: incremental, meta: {b: 2}}
    columns: [{name: id, tests: [{unique: {tags: own}}, not_null]}]
""",
    "seeds/codes.csv": "",
    "tests/staging/t.sql": "",
}


def test_precedence() -> None:
    project = clean(LAYERED)
    orders = merge_layers(project.models[NodeId("model.shop.orders")].layers)
    assert plain(orders) == {
        "tags": ("top", "folder", "by_name", "yaml"),
        "materialized": "incremental",
        "meta": {"a": 1, "b": 2},
    }
    items = merge_layers(project.models[NodeId("model.shop.items")].layers)
    assert plain(items)["tags"] == ("top", "folder", "deep")
    config, diagnostics = decode_node_config(items, NodeKind.MODEL, Materialization.VIEW)
    assert (config.materialized.value, diagnostics) == ("table", ())
    assert plain(merge_layers(project.seeds[NodeId("seed.shop.codes")].layers)) == {"schema": "landing"}
    singular = project.tests[NodeId("test.shop.t")]
    assert plain(merge_layers(singular.layers)) == {"severity": "warn", "tags": ("top", "folder")}


def test_the_folder_of_a_properties_file_configures_its_tests() -> None:
    project = clean(LAYERED)
    unique, not_null = project.models[NodeId("model.shop.orders")].tests
    assert plain(unique.config) == {"severity": "warn", "tags": ("top", "folder", "own")}
    config, _ = decode_test_config(not_null.config)
    assert (config.severity.value, config.tags) == ("warn", ("top", "folder"))


def test_the_innermost_folder_owns_a_file() -> None:
    text = SETTINGS + "model-paths: [sql]\ntest-paths: [sql/tests]\nseed-paths: [sql]\nmacro-paths: [m]\n"
    project, diagnostics = project_of(
        {
            "sqlflow.yml": text,
            "sql/a.sql": "",
            "sql/tests/t.sql": "",
            "sql/s.csv": "",
            "sql/p.yml": "models: [{name: a, description: A}]",
            "m/m.sql": "",
        }
    )
    assert diagnostics == ()
    assert (list(project.models), list(project.tests)) == (["model.shop.a"], ["test.shop.t"])
    assert list(project.seeds) == ["seed.shop.s"]
    assert project.models[NodeId("model.shop.a")].description == "A"


def test_properties_of_a_python_model() -> None:
    project = clean(
        {
            "models/py.py": "from sqlflow import model\n@model(description='code', tags='x', "
            "columns={'a': 'int', 'b': 'text'})\ndef m(): ...\n",
            "models/p.yml": "models: [{name: m, columns: [{name: a, description: A}]}]",
        }
    )
    model = project.models[NodeId("model.shop.m")]
    assert model.description == "code"
    assert [(c.name, c.description, c.data_type) for c in model.columns] == [
        ("a", "A", "int"),
        ("b", "", "text"),
    ]
    assert plain(model.file_config) == {"tags": "x"}


def test_properties_of_a_seed() -> None:
    project = clean(
        {
            "seeds/s.csv": "",
            "seeds/p.yml": "seeds: [{name: s, description: S, config: {alias: t}, columns: [{name: a}]}]",
        }
    )
    seed = project.seeds[NodeId("seed.shop.s")]
    assert (seed.description, [c.name for c in seed.columns]) == ("S", ["a"])
    assert plain(merge_layers(seed.layers)) == {"alias": "t"}


@pytest.mark.parametrize(
    "files",
    [
        {"models/a.sql": "", "models/deep/a.sql": ""},
        {"models/a.sql": "", "seeds/a.csv": ""},
        {"seeds/a.csv": "", "seeds/a.parquet": ""},
        {"tests/a.sql": "", "tests/deep/a.sql": ""},
    ],
)
def test_a_name_that_is_taken(files: dict[str, str | bytes]) -> None:
    project, (found,) = project_of(files)
    first, second = sorted(files, key=lambda path: (path.count("/"), path))
    assert found.code is Code.DUPLICATE_NAME and found.is_error
    assert found.span is not None
    assert {found.span.path, found.labels[0].span.path} == {first, second}
    assert "`a`" in found.message
    assert len(project.models) + len(project.seeds) + len(project.tests) == 1


def test_two_functions_of_one_name() -> None:
    files: dict[str, str | bytes] = {"models/py.py": "def a(): ...\ndef a(): ...\n", "models/z/b.sql": ""}
    _, diagnostics = project_of(files)
    assert places(diagnostics, files) == [(Code.DUPLICATE_NAME, "models/py.py", "a", True)]
    assert diagnostics[0].labels[0].span.start == 4


def test_a_source_table_twice() -> None:
    files: dict[str, str | bytes] = {
        "models/a.yml": "sources: [{name: raw, tables: [{name: t}]}]",
        "models/b.yml": "sources: [{name: raw, tables: [{name: t}, {name: u}]}]",
    }
    project, diagnostics = project_of(files)
    assert places(diagnostics, files) == [(Code.DUPLICATE_NAME, "models/b.yml", "t", True)]
    assert diagnostics[0].labels[0].span.path == "models/a.yml"
    assert list(project.sources) == ["source.shop.raw.t", "source.shop.raw.u"]


def test_a_node_with_properties_twice() -> None:
    files: dict[str, str | bytes] = {
        "models/a.sql": "",
        "models/a.yml": "models: [{name: a, description: one}]",
        "models/b.yml": "models: [{name: a, description: two}]",
    }
    project, diagnostics = project_of(files)
    assert places(diagnostics, files) == [(Code.DUPLICATE_NAME, "models/b.yml", "a", True)]
    assert diagnostics[0].labels[0].span.path == "models/a.yml"
    assert project.models[NodeId("model.shop.a")].description == "one"


def test_properties_of_nothing() -> None:
    files: dict[str, str | bytes] = {
        "models/orders.sql": "",
        "seeds/codes.csv": "",
        "models/p.yml": "models: [{name: order}, {name: codes}]\nseeds: [{name: xyz}, {name: orders}]\n",
    }
    _, diagnostics = project_of(files)
    assert places(diagnostics, files) == [
        (Code.UNKNOWN_PATCH, "models/p.yml", "order", False),
        (Code.UNKNOWN_PATCH, "models/p.yml", "codes", False),
        (Code.UNKNOWN_PATCH, "models/p.yml", "xyz", False),
        (Code.UNKNOWN_PATCH, "models/p.yml", "orders", False),
    ]
    assert [d.help for d in diagnostics] == [
        "did you mean `orders`?",
        "put it below `seeds:`",
        "",
        "put it below `models:`",
    ]


def test_a_folder_that_is_configured_and_holds_nothing() -> None:
    text = SETTINGS + "models: {stagign: {+tags: a}}\n"
    files: dict[str, str | bytes] = {"sqlflow.yml": text, "models/staging/a.sql": ""}
    _, diagnostics = project_of(files)
    assert places(diagnostics, files) == [(Code.FOLDER_MISSING, "sqlflow.yml", "+tags", False)]
    assert "did you mean `staging`" in diagnostics[0].help


@pytest.mark.parametrize("path", ["models/.sql", "seeds/.csv", "models/ .sql"])
def test_a_file_without_a_name(path: str) -> None:
    project, diagnostics = project_of({path: ""})
    assert [(d.code, d.span.path if d.span else "") for d in diagnostics] == [(Code.INVALID_VALUE, path)]
    assert not project.models and not project.seeds


def test_names_that_are_no_identifiers() -> None:
    project = clean({"models/my model.v2.sql": "", "models/größe.sql": ""})
    assert [model.name for model in project.models.values()] == ["größe", "my model.v2"]


def test_a_file_that_is_not_utf8_is_still_a_model() -> None:
    project, diagnostics = project_of({"models/a.sql": b"select '\xff'"})
    assert [d.code for d in diagnostics] == [Code.NOT_UTF8]
    assert project.texts["models/a.sql"] == "select '\ufffd'"


def test_mistakes_of_all_files_at_once() -> None:
    files: dict[str, str | bytes] = {
        "models/a.py": "def m(x): ...\n",
        "models/b.py": "def (\n",
        "models/c.yml": "modls: []\n",
        "models/d.yml": "a: [\n",
    }
    _, diagnostics = project_of(files)
    assert [(code, path) for code, path, _, _ in places(diagnostics, files)] == [
        (Code.PYTHON_PARAMETER, "models/a.py"),
        (Code.PYTHON_SYNTAX, "models/b.py"),
        (Code.UNKNOWN_KEY, "models/c.yml"),
        (Code.BROKEN_YAML, "models/d.yml"),
    ]


PATHS = st.sampled_from(
    [
        "models/a.sql",
        "models/b/a.py",
        "models/p.yml",
        "models/q.yaml",
        "seeds/a.csv",
        "macros/m.sql",
        "tests/t.sql",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(PATHS, st.text(max_size=40) | st.binary(max_size=40)))
def test_no_files_make_it_raise(files: dict[str, str | bytes]) -> None:
    encoded: dict[str, str | bytes] = {
        path: text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        for path, text in files.items()
    }
    project, _ = project_of(encoded)
    assert set(project.texts) <= set(files)
