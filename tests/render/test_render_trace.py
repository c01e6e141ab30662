"""Tracing changes no text; places are true."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from jinja2.compiler import CodeGenerator

from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.textmap import TextMap
from sqlflow.render.compiled import compile_template, parse
from sqlflow.render.environment import TemplateEnvironment
from sqlflow.render.trace import text_map
from tests.render.rendering import one


class PlainEnvironment(TemplateEnvironment):
    """The same sandbox without tracing: Jinja's own generator, lexer and concatenation."""

    code_generator_class = CodeGenerator
    concat = staticmethod("".join)


PLAIN = PlainEnvironment()
TRACING = TemplateEnvironment()
VALUES: dict[str, Any] = {"n": 3, "s": "é x", "items": ["a", "", "ü"], "pairs": {"k": [1, 2]}, "none_": None}


def plain(text: str) -> str | None:
    """What Jinja makes of a text, None for an error of any kind."""
    try:
        return PLAIN.from_string(text).render(**VALUES)
    except Exception:
        return None


def traced(text: str) -> tuple[str, TextMap] | None:
    parsed = parse(TRACING, "m.sql", text)
    if isinstance(parsed, Diagnostic):
        return None
    template = compile_template(TRACING, parsed)
    if isinstance(template, Diagnostic):
        return None
    names = cast("dict[str, Any]", dict(TRACING.globals) | VALUES)
    context = TRACING.context_class(TRACING, names, "m.sql", dict(template.blocks))
    try:
        made = TRACING.concat(template.root(context))
    except Exception:
        return None
    return str(made), text_map(made)


LETTERS = st.text(alphabet="ab,(){}%#-'\" \n\t\u2028\x0bé𝄞", max_size=8) | st.sampled_from(
    ["\r\n", "x\r\n  y\r\n", "\r", "\n\n", "  ", "select 1\n"]
)
MARK = st.sampled_from(["", "", "-", "+"])
NAMES = st.sampled_from(["n", "s", "items", "v", "w", "pairs", "none_", "nosuch"])
ATOMS = st.sampled_from(
    [
        'n', 's', 'v', 'w', 'items', "'lit é'", '"a\\nb"', 'm()', "m('q')", "m(n, 'r')", 'm(m())',
        'loop.index', 'caller()', 'none_', 'pairs.k', "pairs['k'][0]", '[1, m()]', "{'m': 1}", '()',
        'n, s', 'self.b()', 'f(2)', 'true', '1.5', 'nosuch', ' ',
    ]
)  # fmt: skip
USES = st.sampled_from(
    [
        '| trim', '| upper', '| length', "| join('-')", '| string', '| list', "| default('d')",
        "~ 'x'", "+ 'y'", '* 2', "== 'm'", 'is defined', '[0]', '.strip()', ".format('z')",
        "| replace('a', 'b')", '| safe', '| e', "if n else 'o'", '| indent', '| tojson', '.split()',
    ]
)  # fmt: skip
EXPRESSIONS = ATOMS | st.tuples(ATOMS, USES).map(" ".join)


def block(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A template with statements around what stands inside."""

    @st.composite
    def made(draw: st.DrawFn) -> str:
        body, other = draw(inside), draw(inside)
        value = draw(EXPRESSIONS)

        def tag(words: str) -> str:
            begin, end = draw(MARK), draw(MARK)
            return "{%" + begin + " " + words + " " + end + "%}"

        match draw(st.integers(0, 15)):
            case 0:
                return tag(f"if {value}") + body + tag("else") + other + tag("endif")
            case 1:
                return tag("if n == 4") + body + tag("elif s") + other + tag("endif")
            case 2:
                return tag("for v in items") + body + tag("else") + other + tag("endfor")
            case 3:
                return tag(f"for v in [1, 2] if {value}") + body + tag("endfor")
            case 4:
                return tag("for v in [[1], []] recursive") + body + "{{ loop(v) }}" + tag("endfor")
            case 5:
                return tag(f"set v = {value}") + body
            case 6:
                return tag("set w") + body + tag("endset") + other + "{{ w }}"
            case 7:
                return tag("set w | upper") + body + tag("endset") + "{{ w }}"
            case 8:
                return tag("macro m(a='p', b='q')") + body + "{{ a }}" + tag("endmacro") + other
            case 9:
                return (
                    tag("macro f(c)") + body + "{{ caller() }}" + tag("endmacro")
                    + tag("call f(1)") + other + tag("endcall")
                )  # fmt: skip
            case 10:
                return tag("filter upper") + body + tag("endfilter")
            case 11:
                return tag("raw") + body + "{{ untouched" + tag("endraw")
            case 12:
                return "{#" + draw(MARK) + " " + "note" + draw(MARK) + "#}" + body
            case 13:
                return tag(f"with w = {value}") + body + tag("endwith")
            case 14:
                leave = tag("if loop.index > 1") + tag("break") + tag("endif")
                return tag("for v in items") + body + leave + tag("endfor")
            case _:
                return tag("autoescape true") + body + tag("endautoescape")

    return made()


PRINTS = st.builds(
    lambda a, e, b: "{{" + a + " " + e + " " + b + "}}", MARK, EXPRESSIONS, st.sampled_from(["", "-"])
)
TEMPLATES = st.recursive(
    LETTERS | PRINTS, lambda inner: block(inner) | st.lists(inner, max_size=4).map("".join), max_leaves=12
)


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEMPLATES)
def test_tracing_changes_no_text_and_exact_places_are_true(text: str) -> None:
    expected = plain(text)
    found = traced(text)
    if expected is None:
        assert found is None
        return
    assert found is not None
    made, mapped = found
    assert made == expected
    assert mapped.length == len(made)
    starts = [segment.start for segment in mapped.segments]
    assert starts[:1] == ([0] if made else [])
    assert starts == sorted(set(starts))
    assert all(start < len(made) for start in starts)
    ends = [*starts[1:], len(made)] if made else []
    for segment, end in zip(mapped.segments, ends, strict=True):
        for frame in segment.frames:
            assert 0 <= frame.start < frame.end <= len(text)
        if segment.exact:
            inner = segment.frames[-1]
            assert text[inner.start : inner.end] == made[segment.start : end]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(alphabet="{}%#-+ abn()'\"|.,\\\r\n\0é[]=~:\ud800", max_size=40) | TEMPLATES | st.text(max_size=40)
)
def test_no_text_makes_rendering_raise(text: str) -> None:
    result = one(text, macros=text)
    for diagnostic in result.diagnostics:
        assert diagnostic.span is not None
        assert diagnostic.message
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
    assert bool(result.rendered.models) or bool(result.rendered.failed)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("select 1", [("select 1", ("select 1",), True)]),
        ("", []),
        ("a {{ 'b' }} c", [("a ", ("a ",), True), ("b", ("{{ 'b' }}",), False), (" c", (" c",), True)]),
        ("a  {{- 'b' -}}  c", [("a", ("a",), True), ("b", ("{{- 'b' -}}",), False), ("c", ("c",), True)]),
        ("{% raw %}{{ x }}{% endraw %}", [("{{ x }}", ("{{ x }}",), True)]),
        ("a\r\nb", [("a", ("a",), True), ("\n", ("\r\n",), False), ("b", ("b",), True)]),
        (
            "{% set x %}a{{ 1 }}{% endset %}{{ x }}",
            [("a", ("{{ x }}", "a"), True), ("1", ("{{ x }}", "{{ 1 }}"), False)],
        ),
        (
            "{% filter upper %}a{{ 1 }}{% endfilter %}",
            [("A1", ("{% filter upper %}",), False)],
        ),
        (
            "{% for i in [1, 2] %}{{ i }},{% endfor %}",
            [
                ("1", ("{{ i }}",), False),
                (",", (",",), True),
                ("2", ("{{ i }}",), False),
                (",", (",",), True),
            ],
        ),
    ],
)
def test_places_in_one_file(text: str, places: list[Any]) -> None:
    assert one(text).places() == places


def test_a_macro_keeps_its_inner_places() -> None:
    result = one("x {{ key('c') }}", macros="{% macro key(c) %}md5({{ c }}){% endmacro %}")
    assert result.places() == [
        ("x ", ("x ",), True),
        ("md5(", ("{{ key('c') }}", "md5("), True),
        ("c", ("{{ key('c') }}", "{{ c }}"), False),
        (")", ("{{ key('c') }}", ")"), True),
    ]
    frames = result.query().map.locate(3, 5)
    assert [(f.path, result.at(f)) for f in frames] == [
        ("models/m.sql", "{{ key('c') }}"),
        ("macros/m.sql", "d5"),
    ]


def test_a_call_block_goes_from_the_model_to_the_macro_and_back() -> None:
    result = one("{% call box() %}in{% endcall %}", macros="{% macro box() %}[{{ caller() }}]{% endmacro %}")
    assert result.places() == [
        ("[", ("{% call box() %}", "["), True),
        ("in", ("{% call box() %}", "{{ caller() }}", "in"), True),
        ("]", ("{% call box() %}", "]"), True),
    ]


def test_a_changed_text_has_the_place_of_its_expression() -> None:
    result = one("{{ key() | trim }}", macros="{% macro key() %} k {% endmacro %}")
    assert result.places() == [("k", ("{{ key() | trim }}",), False)]


def test_text_that_prints_itself_in_a_loop_has_few_frames() -> None:
    loop = "{% set ns = namespace(t='') %}{% for i in range(300) %}{% set t %}{{ ns.t }}x{% endset %}"
    result = one(loop + "{% set ns.t = t %}{% endfor %}{{ ns.t }}")
    assert result.text() == "x" * 300
    assert max(len(segment.frames) for segment in result.query().map.segments) <= 16


def test_an_environment_is_made_like_any() -> None:
    assert isinstance(TRACING, Environment)
    assert PLAIN.from_string("{{ n }}").render(n=1) == "1"
