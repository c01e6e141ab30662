from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.value import Value
from sqlflow.project.settings import folder_places
from sqlflow.project.types import ConfigLayer, Settings
from tests.project.reading import SETTINGS, covered, settings_of, shown


def read(text: str, *, target: str | None = None) -> Settings:
    found, diagnostics = settings_of(text, target=target)
    assert diagnostics == ()
    assert found is not None
    return found


def plain(layer: ConfigLayer) -> dict[str, Value]:
    return {key: entry.value for key, entry in layer.items()}


def test_defaults() -> None:
    found = read(SETTINGS)
    assert (found.name, found.version, found.dialect, found.target_names) == ("shop", "", "duckdb", ("dev",))
    assert (found.model_paths, found.seed_paths) == (("models",), ("seeds",))
    assert (found.macro_paths, found.test_paths, found.target_path) == (("macros",), ("tests",), "target")
    target = found.target
    assert (target.name, target.type, target.schema, target.database) == ("dev", "duckdb", None, None)
    assert target.threads == 4 and dict(target.settings) == {}
    assert dict(found.vars) == {} and dict(found.model_config) == {}


def test_everything_that_can_be_said() -> None:
    text = """
name: shop
version: 1.10
dialect: postgres
target: b
targets:
  a: {type: duckdb}
  b: {type: other, schema: s, database: d, threads: 2, path: x.db, options: {x: [1]}}
vars: {day: 2024-01-01, kept: yes}
model-paths: [models, ./more//sql/]
seed-paths: data
macro-paths: [m]
test-paths: [t]
target-path: out/put
"""
    found, diagnostics = settings_of(text, cli_vars={"kept": 0, "new": "x"})
    assert diagnostics == () and found is not None
    assert (found.version, found.dialect, found.target_names) == ("1.10", "postgres", ("a", "b"))
    assert (found.target.schema, found.target.database, found.target.threads) == ("s", "d", 2)
    assert plain(found.target.settings) == {"path": "x.db", "options": {"x": (1,)}}
    path = found.target.settings["path"]
    assert (covered(path.span, text), covered(path.key, text)) == ("x.db", "path")
    assert found.vars["kept"] == 0 and found.vars["new"] == "x" and str(found.vars["day"]) == "2024-01-01"
    assert found.model_paths == ("models", "more/sql")
    assert (found.seed_paths, found.macro_paths, found.test_paths) == (("data",), ("m",), ("t",))
    assert found.target_path == "out/put"


TWO = "name: shop\ntarget: dev\ntargets:\n  dev: {type: duckdb}\n  prod: {type: postgres}\n"


def test_the_asked_for_target_wins() -> None:
    assert read(TWO).target.name == "dev"
    assert read(TWO, target="prod").target.type == "postgres"
    assert read(TWO, target="prod").dialect == "postgres"


@pytest.mark.parametrize(
    ("text", "code", "place", "message"),
    [
        ("targets: {a: {type: x}}", Code.MISSING_SETTING, "targets", "`name` is missing in sqlflow.yml"),
        ("name:\ntargets: {a: {type: x}}", Code.MISSING_SETTING, "name", "`name` is missing"),
        ("name: ' '\ntargets: {a: {type: x}}", Code.INVALID_VALUE, "' '", "`name` is empty"),
        ("name: a-b\ntargets: {a: {type: x}}", Code.INVALID_VALUE, "a-b", "not a name of a project"),
        ("name: 5\ntargets: {a: {type: x}}", Code.WRONG_TYPE, "5", "`name` must be text"),
        ("name: [a]\ntargets: {a: {type: x}}", Code.WRONG_TYPE, "[a]", "`name` must be text, not a list"),
        ("name: shop", Code.MISSING_SETTING, "name", "`targets` is missing"),
        ("name: shop\ntargets: {}", Code.MISSING_SETTING, "targets", "`targets` is missing"),
        ("name: shop\ntargets: [a]", Code.WRONG_TYPE, "[a]", "`targets` must be a mapping, not a list"),
        ("name: shop\ntargets: {a: {}}", Code.MISSING_SETTING, "{}", "`type` is missing in the target `a`"),
        ("name: shop\ntargets: {a: }", Code.MISSING_SETTING, "a", "`type` is missing"),
        ("name: shop\ntargets: {a: b}", Code.WRONG_TYPE, "b", "the target `a` must be a mapping"),
        (SETTINGS + "targest: 1", Code.UNKNOWN_KEY, "targest", "unknown key `targest` in sqlflow.yml"),
        (SETTINGS + "vars: 1", Code.WRONG_TYPE, "1", "`vars` must be a mapping"),
        (SETTINGS + "version: yes", Code.WRONG_TYPE, "yes", "`version` must be text"),
        (SETTINGS + "dialect: 1", Code.WRONG_TYPE, "1", "`dialect` must be text"),
        (SETTINGS + "model-paths: 1", Code.WRONG_TYPE, "1", "text or a list of texts"),
        (SETTINGS + "model-paths: [1]", Code.WRONG_TYPE, "1", "an item of `model-paths` must be text"),
        (SETTINGS + "model-paths: {a: b}", Code.WRONG_TYPE, "{a: b}", "text or a list of texts"),
        (SETTINGS + "model-paths: [/abs]", Code.INVALID_VALUE, "/abs", "inside of the project"),
        (SETTINGS + "model-paths: [ok, a/../b]", Code.INVALID_VALUE, "a/../b", "inside of the project"),
        (SETTINGS + "seed-paths: ~/x", Code.INVALID_VALUE, "~/x", "inside of the project"),
        (SETTINGS + "seed-paths: ['']", Code.INVALID_VALUE, "''", "inside of the project"),
        (SETTINGS + "macro-paths: ['C:/x']", Code.INVALID_VALUE, "'C:/x'", "inside of the project"),
        (SETTINGS + "test-paths: a\\b", Code.INVALID_VALUE, "a\\b", "inside of the project"),
        (SETTINGS + 'test-paths: "a\\0"', Code.INVALID_VALUE, '"a\\0"', "can't hold a NUL character"),
        (SETTINGS + "target-path: ..", Code.INVALID_VALUE, "..", "inside of the project"),
        (SETTINGS + "target-path: .", Code.INVALID_VALUE, ".", "a folder of its own"),
        (SETTINGS + "macro-paths: [models]", Code.INVALID_VALUE, "[models]", "in both"),
        (SETTINGS + "models: 3", Code.WRONG_TYPE, "3", "`models` must be a mapping"),
        (SETTINGS + "models: {+tagz: a}", Code.UNKNOWN_KEY, "+tagz", "unknown key `tagz`"),
        (SETTINGS + "models: {a: {materialised: table}}", Code.UNKNOWN_KEY, "materialised", "`models`"),
        (SETTINGS + "models: {staging: table}", Code.UNKNOWN_KEY, "staging", "unknown key `staging`"),
        (SETTINGS + "models: {a/../b: {+tags: x}}", Code.INVALID_VALUE, "a/../b", "name of a folder"),
        (SETTINGS + "seeds: {+materialized: table}", Code.UNKNOWN_KEY, "+materialized", "config of a seed"),
        (
            SETTINGS + "models: {+pre-hook: a, +pre_hook: b}",
            Code.DUPLICATE_KEY,
            "+pre_hook",
            "`pre_hook` is there twice",
        ),
        ("[a]", Code.WRONG_TYPE, "[a]", "sqlflow.yml must be a mapping, not a list"),
        ("", Code.MISSING_SETTING, "", "sqlflow.yml is empty"),
        ("name: [", Code.BROKEN_YAML, "[", "broken YAML"),
    ],
)
def test_mistakes(text: str, code: Code, place: str, message: str) -> None:
    _, diagnostics = settings_of(text)
    assert shown(diagnostics, text) == [(code, place)]
    assert message in diagnostics[0].message


@pytest.mark.parametrize(
    ("threads", "code"),
    [
        ("0", Code.INVALID_VALUE),
        ("four", Code.WRONG_TYPE),
        ("1.5", Code.WRONG_TYPE),
        ("'4'", Code.WRONG_TYPE),
    ],
)
def test_threads(threads: str, code: Code) -> None:
    text = f"name: shop\ntargets: {{dev: {{type: duckdb, threads: {threads}}}}}\n"
    _, diagnostics = settings_of(text)
    assert shown(diagnostics, text) == [(code, threads)]


def test_all_mistakes_at_once() -> None:
    text = "name: 1x\nvars: []\nmodel-paths: [..]\ntargets: {dev: {threads: 0}}\nmodles: {}\n"
    _, diagnostics = settings_of(text)
    assert sorted(shown(diagnostics, text)) == sorted(
        [
            (Code.INVALID_VALUE, "1x"),
            (Code.WRONG_TYPE, "[]"),
            (Code.INVALID_VALUE, ".."),
            (Code.INVALID_VALUE, "0"),
            (Code.MISSING_SETTING, "threads"),
            (Code.UNKNOWN_KEY, "modles"),
        ]
    )
    (unknown,) = [d for d in diagnostics if d.code is Code.UNKNOWN_KEY]
    assert unknown.help == "did you mean `models`?"


def test_an_unknown_target_that_the_file_names() -> None:
    text = TWO.replace("target: dev", "target: prd")
    _, diagnostics = settings_of(text)
    assert shown(diagnostics, text) == [(Code.UNKNOWN_TARGET, "prd")]
    assert diagnostics[0].help == "did you mean `prod`?"


def test_an_unknown_target_that_was_asked_for() -> None:
    _, diagnostics = settings_of(TWO, target="xyz")
    assert shown(diagnostics, TWO) == [(Code.UNKNOWN_TARGET, "dev")]
    assert diagnostics[0].message == "there is no target `xyz`"
    assert diagnostics[0].help == "there are: `dev`, `prod`"


def test_two_targets_and_none_chosen() -> None:
    text = TWO.replace("target: dev\n", "")
    _, diagnostics = settings_of(text)
    assert shown(diagnostics, text) == [(Code.MISSING_SETTING, "name")]
    assert diagnostics[0].help == "name one of `dev`, `prod`"
    assert settings_of(text, target="dev")[1] == ()


@pytest.mark.parametrize("wrong", ["vars: 1", "models: {+tagz: a}", "dialect: 1", "nonsense: 1"])
def test_a_mistake_that_the_rest_does_not_need_hides_nothing_of_it(wrong: str) -> None:
    found, diagnostics = settings_of(SETTINGS + wrong)
    assert found is not None
    assert len(diagnostics) == 1


@pytest.mark.parametrize("wrong", ["model-paths: [/abs]", "target-path: .", "macro-paths: [models]"])
def test_without_its_folders_a_project_is_not_read(wrong: str) -> None:
    assert settings_of(SETTINGS + wrong)[0] is None


def test_templates_in_the_chosen_target_only() -> None:
    text = """name: shop
target: a
targets:
  a: {type: duckdb, schema: "{{ word }}", threads: "{{ one_text }}", path: "{{ word }}"}
  b: {type: duckdb, schema: "{{ missing }}"}
"""
    found = read(text)
    assert (found.target.schema, found.target.threads) == ("word", 1)
    assert plain(found.target.settings) == {"path": "word"}
    other, diagnostics = settings_of(text, target="b")
    assert other is None
    assert shown(diagnostics, text) == [(Code.MISSING_ENV_VAR, '"{{ missing }}"')]


def test_a_failed_template_is_one_mistake_and_not_two() -> None:
    text = 'name: "{{ missing }}"\ntargets: {dev: {type: "{{ lost }}"}}\nmodels: {+enabled: "{{ gone }}"}\n'
    _, diagnostics = settings_of(text)
    assert sorted(shown(diagnostics, text)) == [
        (Code.MISSING_ENV_VAR, '"{{ gone }}"'),
        (Code.MISSING_ENV_VAR, '"{{ lost }}"'),
        (Code.MISSING_ENV_VAR, '"{{ missing }}"'),
    ]


def test_templates_elsewhere_and_hooks_left_alone() -> None:
    text = SETTINGS + (
        'vars: {n: "{{ one }}", deep: ["{{ list }}"], targets: "{{ word }}", pre_hook: "{{ word }}"}\n'
        'model-paths: "{{ list }}"\n'
        'models: {+schema: "{{ word }}", +enabled: "{{ true_text }}", +post-hook: "grant {{ this }}"}\n'
    )
    found = read(text)
    assert found.vars["n"] == 1 and found.vars["deep"] == (("a", "b"),)
    assert found.vars["targets"] == found.vars["pre_hook"] == "word"
    assert found.model_paths == ("a", "b")
    layer = plain(found.model_config[""])
    assert layer == {"schema": "word", "enabled": True, "post_hook": "grant {{ this }}"}


def test_folder_config() -> None:
    text = (
        SETTINGS
        + """
models:
  +tags: [all]
  materialized: view
  shop:
    +schema: own
    staging:
      +materialized: table
      deep/er: {enabled: false, +meta: {a: 1}}
      meta: {+alias: folder}
  shop2: {shop: {+alias: x}}
seeds: {+column_types: {a: int}}
tests: {+severity: warn}
"""
    )
    found = read(text)
    layers = {folder: plain(layer) for folder, layer in found.model_config.items()}
    assert layers == {
        "": {"tags": ("all",), "materialized": "view", "schema": "own"},
        "staging": {"materialized": "table"},
        "staging/deep/er": {"enabled": False, "meta": {"a": 1}},
        "staging/meta": {"alias": "folder"},
        "shop2/shop": {"alias": "x"},
    }
    assert plain(found.seed_config[""]) == {"column_types": {"a": "int"}}
    assert plain(found.test_config[""]) == {"severity": "warn"}
    entry = found.model_config["staging"]["materialized"]
    assert (covered(entry.span, text), covered(entry.key, text)) == ("table", "+materialized")


def test_a_key_of_another_kind_says_whose_it_is() -> None:
    text = SETTINGS + "seeds: {+materialized: table}\n"
    _, (found,) = settings_of(text)
    assert found.help == "`materialized` is a setting of models"


def test_a_setting_of_a_target_is_never_shown() -> None:
    text = (
        "name: shop\ntargets: {dev: {type: duckdb, password: hunter2, threads: hunter2, schema: [hunter2]}}\n"
    )
    _, diagnostics = settings_of(text)
    assert len(diagnostics) == 2
    assert all("hunter2" not in f"{d.message}{d.label}{d.help}{d.notes}" for d in diagnostics)


def test_places_of_folders() -> None:
    text = SETTINGS + "model-paths: [a, ./b/]\nseed-paths: c\n"
    places = folder_places(text, "sqlflow.yml")
    assert {key: covered(span, text) for key, span in places.items()} == {
        ("model-paths", "a"): "a",
        ("model-paths", "b"): "./b/",
        ("seed-paths", "c"): "c",
    }


KEYS = st.sampled_from(
    ["name", "target", "targets", "vars", "model-paths", "models", "seeds", "tests", "version", "+tags", "x"]
)
LEAVES = st.sampled_from(["shop", "1", "''", "~", "yes", "..", "{{ one }}", "{{ no }}", "2024-01-01"])
VALUES = st.recursive(
    LEAVES.map(lambda leaf: f'"{leaf}"' if "{" in leaf else leaf),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.none() | st.just("dev"))
def test_no_shape_makes_it_raise(tree: dict[str, str], target: str | None) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in tree.items())
    found, diagnostics = settings_of(text, target=target)
    assert found is not None or diagnostics
    for diagnostic in diagnostics:
        covered(diagnostic.span, text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_text_makes_it_raise(text: str) -> None:
    _, diagnostics = settings_of(text)
    assert diagnostics
    for diagnostic in diagnostics:
        covered(diagnostic.span, text)
