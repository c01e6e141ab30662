"""Templates have no way to the interpreter, to secrets, or to the machine's memory."""

from __future__ import annotations

import pytest

from sqlflow.core.codes import Code
from tests.render.rendering import one

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ [''] | map(attribute='__class__') | join }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{% macro f() %}{0.__class__}{% endmacro %}{{ f().format(1) }}",
    "{{ config.__init__.__globals__ }}",
    "{{ config._scope }}",
    "{{ config.get.__func__ }}",
    "{{ ref.__self__ }}",
    "{{ ref.__func__ }}",
    "{{ ref.__globals__ }}",
    "{{ var._scope }}",
    "{{ this._text }}",
    "{{ this.__class__ }}",
    "{{ exceptions._scope }}",
    "{{ exceptions.warn.__self__ }}",
    "{{ modules.re.sub.__globals__ }}",
    "{{ modules.re.compile.__builtins__ }}",
    "{{ modules.itertools.chain.__subclasses__ }}",
    "{{ modules.itertools.chain.mro() }}",
    "{{ modules.datetime.datetime._now }}",
    "{{ modules.datetime.datetime.now.__self__ }}",
    "{{ modules.datetime.timedelta.__subclasses__() }}",
    "{{ modules.datetime.datetime.now().__class__ }}",
    "{{ run_started_at.now() }}",
    "{{ run_started_at.utcnow() }}",
    "{{ modules.datetime.date(2024, 1, 1).today() }}",
    "{{ (key)._func }}",
    "{{ key._environment }}",
    "{{ key.__call__ }}",
    "{{ shop._macros }}",
    "{{ cycler.__init__ }}",
    "{{ namespace.__init__ }}",
    "{{ set.__globals__ }}",
    "{{ zip.__globals__ }}",
    "{{ dict.mro() }}",
    "{{ target.__class__ }}",
    "{{ self.__init__ }}",
    "{% for x in range(10 ** 9) %}{% endfor %}",
    "{{ range(10 ** 30) }}",
    "{{ 'x' * 10 ** 10 }}",
    "{{ 10 ** 9 * 'x' }}",
    "{{ [1] * 10 ** 10 }}",
    "{{ 10 ** (10 ** 10) }}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_a_way_out_is_closed(template: str) -> None:
    result = one(template, macros="{% macro key() %}k{% endmacro %}")
    found = result.only()
    assert found.code is Code.UNSAFE_TEMPLATE, found
    assert result.at(found.span) in template
    assert found.help == "templates run in a sandbox"


@pytest.mark.parametrize(
    "template",
    [
        "{{ modules.os }}",
        "{{ modules.sys }}",
        "{{ modules.re.sys }}",
        "{{ modules.re._compiler }}",
        "{{ modules.re.enum }}",
        "{{ modules.datetime.sys }}",
        "{{ modules.itertools.count() }}",
        "{{ modules.itertools.cycle([1]) }}",
        "{{ modules.pytz }}",
        "{{ lipsum() }}",
        "{{ __builtins__ }}",
        "{{ context }}",
        "{{ environment }}",
        "{{ open('x') }}",
        "{{ literals }}",
        "{{ printed }}",
    ],
)
def test_what_is_not_offered_is_not_there(template: str) -> None:
    assert one(template).only().code is Code.UNDEFINED_NAME


def test_a_filter_that_is_random_is_not_there() -> None:
    assert one("{{ [1, 2] | random }}").only().code is Code.TEMPLATE_SYNTAX


def test_the_names_of_a_rendering_are_not_a_variable() -> None:
    assert one("{{ self['*names*'] }}").only().code in (Code.TEMPLATE_ERROR, Code.UNDEFINED_NAME)


def test_what_is_safe_works() -> None:
    text = (
        "{{ modules.re.sub('a+', 'b', 'xaay') }} {{ modules.datetime.timedelta(days=1).days }} "
        "{{ modules.datetime.date(2024, 1, 31).isoformat() }} "
        "{{ modules.itertools.product('ab', [1]) | list }} "
        "{{ '{0}-{x}'.format(1, x=2) }} {{ range(3) | list }} {{ 2 ** 10 }} {{ '-' * 3 }}"
    )
    assert one(text).text() == "xby 1 2024-01-31 [('a', 1), ('b', 1)] 1-2 [0, 1, 2] 1024 ---"
