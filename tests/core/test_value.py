from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.value import EMPTY, Value, freeze, thaw, type_name

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates() | st.floats(allow_nan=False)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def frozen(value: Value) -> bool:
    if isinstance(value, Mapping):
        return not hasattr(value, "__setitem__") and all(frozen(item) for item in value.values())
    return not isinstance(value, list) and (
        not isinstance(value, tuple) or all(frozen(item) for item in value)
    )


@given(TREES)
def test_freezing_and_thawing(tree: object) -> None:
    value = freeze(tree)
    assert frozen(value)
    assert thaw(value) == tree
    assert freeze(value) == value


def test_a_frozen_value_does_not_follow_its_source() -> None:
    source = {"a": [1]}
    value = freeze(source)
    source["a"].append(2)
    assert value == {"a": (1,)}


def test_keys_become_text_and_sets_tuples() -> None:
    assert freeze({1: {"x"}}) == {"1": ("x",)}
    assert EMPTY == {}


@pytest.mark.parametrize("value", [object(), b"bytes", bytearray(b"x"), 1j, {"a": [b"x"]}])
def test_what_is_no_value(value: object) -> None:
    with pytest.raises(TypeError, match="is not a value of a setting"):
        freeze(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "nothing"),
        (True, "true or false"),
        (1, "a whole number"),
        (1.5, "a number"),
        ("a", "text"),
        (date(2024, 1, 1), "a date"),
        (datetime(2024, 1, 1), "a date"),
        ((1,), "a list"),
        ([1], "a list"),
        ({"a": 1}, "a mapping"),
        (1j, "complex"),
    ],
)
def test_names_of_types(value: object, name: str) -> None:
    assert type_name(value) == name
