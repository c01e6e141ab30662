"""Reads where a project keeps its state: `state` in `sqlflow.yml`, or what its target makes likely."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from sqlflow.adapter.protocol import Adapter
from sqlflow.adapter.registry import adapter_names, find_adapter
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.core.value import Value
from sqlflow.project.types import ConfigEntry, Target
from sqlflow.store.failures import not_shared

DEFAULT_FILE = ".sqlflow/state.db"
_WAREHOUSE = "warehouse"
_FILE = "sqlite:///"
# Of a template, only the places that it fills in could hold one.
_PASSWORD = re.compile(r"://[^{}]*@|password=[^{]")
_HELP = (
    "write `warehouse`, the URL of a file (`sqlite:///.sqlflow/state.db`) "
    "or that of a server (`postgresql://user@host/database`)"
)
_ELSEWHERE = "name the URL of a server (`postgresql://user@host/database`) or of a file"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlace:
    """A file of SQLite; a path that is not absolute starts at the project."""

    path: str
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlace:
    """A server, by the settings that its adapter connects with; `shown` is its address without a password."""

    adapter: Adapter
    settings: Mapping[str, Value] = field(repr=False)
    shown: str
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehousePlace:
    """The warehouse that the target is."""

    span: Span | None


Place: TypeAlias = FilePlace | ServerPlace | WarehousePlace


def read_place(
    state: ConfigEntry | None, target: Target, adapter: Adapter, written: str
) -> tuple[Place | None, tuple[Diagnostic, ...]]:
    """Gives where the state is kept, and what is wrong with that.

    Where nothing is said, an engine inside of this process has it in a file, a server has it itself. No
    message has the text of a URL in it, which may hold a password; where one is `written` in the file
    itself, none points there either, since its line would be shown. An engine without transactions can't
    hold a log.
    """
    spec = adapter.spec
    if state is None:
        if spec.embedded:
            return FilePlace(path=DEFAULT_FILE, span=target.span), ()
        if not spec.transactions:
            warning = not_shared(f"`{DEFAULT_FILE}`", target.name, target.span, can_hold=False)
            return FilePlace(path=DEFAULT_FILE, span=target.span), (warning,)
        return WarehousePlace(span=target.span), ()
    text, span = str(state.value), None if _PASSWORD.search(written) else state.span
    if text == _WAREHOUSE and not spec.transactions:
        message = f"the target `{target.name}` has no transactions, and can't hold the state"
        return None, (_wrong(message, span, _ELSEWHERE),)
    if text == _WAREHOUSE:
        return WarehousePlace(span=span), ()
    if text.startswith(_FILE):
        path = unquote(text[len(_FILE) :])
        if not path or path.endswith("/") or "\0" in path:
            return None, (_wrong("the URL in `state` names no file", span),)
        shared = (
            () if spec.embedded else (not_shared(f"`{path}`", target.name, span, can_hold=spec.transactions),)
        )
        return FilePlace(path=path, span=span), shared
    # Splitting raises on an address in brackets that is none.
    with suppress(ValueError):
        url = urlsplit(text)
        found = _adapter(url.scheme) if text[len(url.scheme) :].startswith("://") else None
        if found is not None:
            return _server(url, found, span)
    return None, (_wrong("`state` names no place that state can be kept in", span),)


def _adapter(scheme: str) -> Adapter | None:
    """Finds the adapter that a URL's scheme belongs to; one that can't be loaded has none."""
    for name in adapter_names():
        with suppress(Exception):
            adapter = find_adapter(name)
            if adapter is not None and scheme in adapter.spec.url_schemes:
                return adapter
    return None


def _server(
    url: SplitResult, adapter: Adapter, span: Span | None
) -> tuple[Place | None, tuple[Diagnostic, ...]]:
    """Reads a URL in libpq's form, whose parameters are settings of the adapter."""
    known = {setting.name: setting for setting in adapter.settings}
    values: dict[str, Value] = {s.name: s.default for s in adapter.settings if s.default is not None}
    diagnostics: list[Diagnostic] = []
    given: list[tuple[str, str]] = [
        (name, unquote(text))
        for name, text in (
            ("user", url.username),
            ("password", url.password),
            ("host", url.hostname),
            ("dbname", url.path.removeprefix("/")),
        )
        if text
    ]
    try:
        given += [("port", str(url.port))] if url.port is not None else []
    except ValueError:
        diagnostics.append(_wrong("the port in the URL of `state` is no port", span))
    for name, text in (*given, *parse_qsl(url.query, keep_blank_values=True)):
        setting = known.get(name)
        if setting is None:
            allowed = ", ".join(sorted(known))
            diagnostics.append(
                _wrong("the URL in `state` has an unknown setting", span, f"known are: {allowed}")
            )
        elif setting.type is not int:
            values[name] = text
        elif text.isascii() and text.isdigit():
            values[name] = int(text)
        else:
            diagnostics.append(_wrong(f"`{name}` in the URL of `state` is no whole number", span))
    missing = [s.name for s in adapter.settings if s.required and not values.get(s.name)]
    diagnostics += [_wrong(f"the URL in `state` has no `{name}`", span) for name in missing]
    if "@" in url.path + url.query or url.fragment:
        # What follows is then a part of the password, and nothing of it may be shown.
        help_ = "write `/`, `?`, `#`, `@` and `%` in a password as `%2F`, `%3F`, `%23`, `%40` and `%25`"
        return None, (_wrong("the URL in `state` can't be taken apart", span, help_),)
    if diagnostics:
        return None, tuple(diagnostics)
    host, name = values.get("host"), values.get("dbname")
    return ServerPlace(
        adapter=adapter,
        settings=MappingProxyType(values),
        shown=f"database `{name}` on `{host}`",
        span=span,
    ), ()


def _wrong(message: str, span: Span | None, help: str = _HELP) -> Diagnostic:
    return Diagnostic(code=Code.INVALID_VALUE, message=message, span=span, help=help)
