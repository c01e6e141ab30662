from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.project.references import parse_reference
from sqlflow.project.types import RefTarget


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("orders", RefTarget("name", ("orders",))),
        ("raw.orders", RefTarget("name", ("raw", "orders"))),
        ("ref('orders')", RefTarget("ref", ("orders",))),
        (" ref ( \"pkg\" , 'orders', ) ", RefTarget("ref", ("pkg", "orders"))),
        ("source('raw', 'the orders')", RefTarget("source", ("raw", "the orders"))),
        ("ref('größe')", RefTarget("ref", ("größe",))),
    ],
)
def test_references(text: str, target: RefTarget) -> None:
    assert parse_reference(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ref()",
        "ref('')",
        "ref(orders)",
        "ref('a', 'b', 'c')",
        "ref('a') x",
        "ref('a\")",
        "source('raw')",
        "source('a' 'b')",
        "other('a')",
        "a.b.c.d",
        "a b",
        "1a",
        "__import__('os').system('x')",
        "ref('a'\n) ; drop",
    ],
)
def test_what_is_none(text: str) -> None:
    assert parse_reference(text) is None


@given(st.text(max_size=30) | st.text(alphabet="ref('\",) .ab", max_size=30))
def test_any_text_has_an_answer(text: str) -> None:
    found = parse_reference(text)
    assert found is None or (found.kind in ("name", "ref", "source") and all(found.parts))
