"""Makes a compiled project read from prod what is not there: finds out what prod is."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlflow.adapter.protocol import Adapter
from sqlflow.compiler import Compilation
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, has_errors
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.plan.deferral import Defer


def deferring(compiled: Compilation, defer: Defer, compile_: Callable[[str], Compilation]) -> Compilation:
    """Adds to a project what is asked to be deferred, or the diagnostics that say why that can't be.

    `compile_` compiles the project for the target of a name.
    """
    settings, program = compiled.settings, compiled.program
    if settings is None or program is None or has_errors(compiled.diagnostics):
        return compiled
    target, environment = settings.target, program.environment
    if environment.is_virtual:
        message = "`layout: virtual` shares what environments have in common by itself: there is no deferring"
        return _refused(compiled, message, None, "leave out `--defer`, or set `layout: direct`")
    to = defer.to or target.defer_to or target.name
    if to == target.name:
        if environment.is_prod:
            message = f"prod on the target `{target.name}` is what would be deferred to"
            help_ = "name an environment with --env, or prod's target with --defer-to"
            return _refused(compiled, message, target.span, help_)
        return replace(compiled, defer=defer)
    prod = compile_(to)
    if prod.plain is None or has_errors(prod.diagnostics):
        return replace(compiled, diagnostics=(*compiled.diagnostics, *prod.diagnostics))
    found = tuple(_in_the_way(compiled, prod, to, target.span))
    if found:
        return replace(compiled, diagnostics=(*compiled.diagnostics, *found))
    return replace(compiled, defer=defer, prod=prod)


def _in_the_way(compiled: Compilation, prod: Compilation, to: str, span: Span) -> Iterator[Diagnostic]:
    """Says why the tables of another target can't be read over the connection of this one."""
    own, other = compiled.settings, prod.settings
    if own is None or other is None or compiled.adapter is None or compiled.program is None:
        return
    here, there = own.target, other.target
    if here.type != there.type:
        yield _cannot(f"`{here.name}` is a target of type {here.type}, and `{to}` one of {there.type}", span)
        return
    differing = [
        f"`{name}` is {_shown(mine)} and {_shown(theirs)}"
        for name, mine, theirs in _places(compiled.adapter, compiled, prod)
        if mine != theirs
    ]
    if differing:
        message = f"the warehouse of `{to}` can't be read from that of `{here.name}`: {', '.join(differing)}"
        yield _cannot(message, span)
        return
    plain = prod.program.plain if prod.program is not None else {}
    bound = {**compiled.program.models, **compiled.program.seeds}
    if bound and all(plain.get(id, node.relation) == node.relation for id, node in bound.items()):
        help_ = "give it another `schema`, or name an environment with --env"
        yield _cannot(f"`{here.name}` has the same names as `{to}`", span, help_)


def _places(adapter: Adapter, *both: Compilation) -> Iterator[tuple[str, Value, Value]]:
    """Gives the settings that say where the warehouse is, of two targets."""
    mine, theirs = (compiled.adapter_settings or {} for compiled in both)
    for setting in adapter.settings:
        if setting.locates:
            yield setting.name, _plain(mine.get(setting.name)), _plain(theirs.get(setting.name))


def _plain(value: Value) -> Value:
    """Gives a value in its plainest form: `./a.db` is `a.db`."""
    return posixpath.normpath(value) if isinstance(value, str) else value


def _shown(value: Value) -> str:
    return f"`{value}`" if value is not None else "left out"


def _cannot(message: str, span: Span, help_: str = "") -> Diagnostic:
    help_ = help_ or "defer to a target whose tables are in the same warehouse"
    return Diagnostic(code=Code.CANNOT_DEFER, message=message, span=span, help=help_)


def _refused(compiled: Compilation, message: str, span: Span | None, help_: str) -> Compilation:
    diagnostic = Diagnostic(code=Code.CANNOT_DEFER, message=message, span=span, help=help_)
    return replace(compiled, diagnostics=(*compiled.diagnostics, diagnostic))
