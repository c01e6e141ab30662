"""What one rendering offers to its template, with a record of what the template used."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from jinja2.utils import missing

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity, did_you_mean
from sqlflow.core.relation import Relation
from sqlflow.core.span import Span
from sqlflow.core.value import thaw
from sqlflow.project.config import canonical, merge_layers
from sqlflow.project.types import ConfigEntry, ConfigLayer, RefTarget
from sqlflow.render.calls import (
    bind,
    environment_value,
    plain_value,
    text_of,
)
from sqlflow.render.compiled import Compiled, code_name, frame_line
from sqlflow.render.environment import NAMES
from sqlflow.render.hooks import HOOK_MAKERS, find_hook_maker
from sqlflow.render.macros import Macros, PackageMacros
from sqlflow.render.modules import modules
from sqlflow.render.moments import find_moment
from sqlflow.render.narrow import Argument, find_call, keyword_arguments
from sqlflow.render.problems import Problem, ReturnValue
from sqlflow.render.surroundings import Surroundings
from sqlflow.render.tables import Table, This
from sqlflow.render.types import THIS, Reads, Reference, placeholder

# What only the template of a node is offered.
_OF_A_NODE = ("this", "config", "is_incremental")


class Scope:
    """One rendering: the names that it offers and what was used of them."""

    def __init__(
        self,
        around: Surroundings,
        path: str,
        *,
        layers: Sequence[ConfigLayer] = (),
        incremental: bool = False,
        fixed: Span | None = None,
        relation: Relation | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> None:
        """Makes a scope. One that has a `fixed` place is no file's: it can't set its configuration.

        Where the `relation` is known, `this` tells its parts. One with `names` of its own is no node's.
        """
        self._around = around
        self._code_name = code_name(path)
        self._template: Compiled | None = None
        self._fixed = fixed
        self._incremental = incremental
        self.layers = tuple(layers)
        self.file_layers: list[ConfigLayer] = []
        self.references: list[Reference] = []
        self.warnings: list[Diagnostic] = []
        self._vars: set[str] = set()
        self._env: set[str] = set()
        self._clock = False
        self._own: Mapping[str, Any] = {}
        self._package: PackageMacros | None = None
        self._modules: Mapping[str, Any] | None = None
        self.parent: dict[str, Any] = {
            **around.basis,
            NAMES: self,
            "config": Config(self),
            "ref": self._ref,
            "source": self._source,
            "this": Table(THIS) if relation is None else This(relation),
            "var": Var(self),
            "env_var": self._env_var,
            "is_incremental": self._is_incremental,
            "return": _return,
            "exceptions": Exceptions(self),
        }
        if names is not None:
            for name in _OF_A_NODE:
                del self.parent[name]
            self.parent |= names
        self.macros = Macros(around.macros, self.parent)

    def run(self, template: Compiled) -> str:
        """Gives the text of a template; it may raise whatever templates raise."""
        self._template = template
        environment = self._around.macros.environment
        context = environment.context_class(environment, self.parent, template.path, dict(template.blocks))
        self._own = context.vars
        return environment.concat(template.root(context))

    def find(self, name: str) -> Any:
        """Gives what a name means beyond the fixed names: a macro, the clock, the project's macros."""
        found = self.macros.find(name)
        if found is not missing:
            return found
        if name == "run_started_at":
            return self._now()
        if name == "modules":
            self._modules = self._modules or modules(self._now)
            return self._modules
        if name == self._around.settings.name and name not in self.parent:
            self._package = self._package or PackageMacros(self.macros)
            return self._package
        if self._fixed is not None:
            return missing
        for special in (find_moment(name, self.config), find_hook_maker(name)):
            if special is not None:
                return special
        return missing

    def known_names(self) -> tuple[str, ...]:
        """Gives the names that a template can use, for messages."""
        own = (name for name in self.parent if name != NAMES)
        makers = HOOK_MAKERS if self._fixed is None else ()
        return (*self._own, *own, *self._around.macros.files, "run_started_at", "modules", *makers)

    def reads(self) -> Reads:
        """Gives what was read so far."""
        return Reads(
            vars=frozenset(self._vars),
            env=frozenset(self._env),
            macros=frozenset(self.macros.used),
            clock=self._clock,
        )

    def config(self) -> ConfigLayer:
        """Gives the configuration as known so far: the outer layers with what the file set on top."""
        return merge_layers((*self.layers, *self.file_layers))

    def file_config(self) -> ConfigLayer:
        """Gives what the file set."""
        return merge_layers(self.file_layers)

    def here(self) -> Span:
        """Gives the place of the expression in the rendered file that runs now, however deep below it."""
        if self._fixed is not None:
            return self._fixed
        outermost = None
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        while frame is not None and frame.f_code is not Scope.run.__code__:
            if frame.f_code.co_filename == self._code_name:
                outermost = frame
            frame = frame.f_back
        template = self._template
        if outermost is None or template is None:
            return Span(self._code_name[len("<template ") : -1], 0, 0)
        return template.span_at(frame_line(outermost, outermost.f_lineno))

    def _call(self, function: str, argument: str = "") -> Span:
        """Gives the place of a call in the rendered file: within a macro, that of the macro's expression."""
        tag = self.here()
        if self._fixed is not None or self._template is None:
            return tag
        return find_call(self._template.places.text, tag, function, argument)

    def configure(self, settings: Mapping[str, object]) -> None:
        """Records settings that the file gave."""
        if self._fixed is not None:
            raise Problem(
                Code.BAD_CALL, "`config` sets nothing outside of a file", help="call it in the model itself"
            )
        call = self._call("config")
        places: Mapping[str, Argument] = {}
        if self._template is not None:
            places = keyword_arguments(self._template.places.text, call)
        layer: dict[str, ConfigEntry] = {}
        for key, value in settings.items():
            at = places.get(key)
            try:
                frozen = plain_value(value)
            except TypeError as error:
                raise Problem(
                    Code.BAD_CALL,
                    f"`config({key}=...)`: {error}",
                    help="settings are text, numbers, true or false, lists and mappings",
                    function="config",
                ) from None
            layer[canonical(key)] = (
                ConfigEntry(frozen, at.value, at.name) if at is not None else ConfigEntry(frozen, call)
            )
        self.file_layers.append(layer)

    def variable(self, name: str, default: object) -> object:
        """Gives a variable of the project, or the default."""
        self._vars.add(name)
        known = self._around.settings.vars
        if name in known:
            return thaw(known[name])
        if default is not missing:
            return default
        raise Problem(
            Code.MISSING_VAR,
            f"variable `{name}` has no value",
            help=did_you_mean(name, known)
            or f"set it under `vars:` in {self._around.settings.path}, with --vars, or give a default",
            function="var",
            argument=name,
        )

    def has_variable(self, name: str) -> bool:
        """Says whether a variable has a value."""
        self._vars.add(name)
        return name in self._around.settings.vars

    def _now(self) -> datetime:
        self._clock = True
        return self._around.now

    def _refer(self, target: RefTarget) -> Table:
        self.references.append(Reference(target=target, span=self._call(target.kind, target.parts[-1])))
        return Table(placeholder(len(self.references) - 1))

    def _ref(self, *args: object, **kwargs: object) -> Table:
        named = ("package", "name") if len(args) > 1 else ("name",)
        given = bind("ref", named, len(named), args, kwargs)
        parts = tuple(text_of("ref", name, value) for name, value in zip(named, given, strict=True))
        return self._refer(RefTarget("ref", parts))

    def _source(self, *args: object, **kwargs: object) -> Table:
        source, table = bind("source", ("source", "table"), 2, args, kwargs)
        parts = (text_of("source", "source", source), text_of("source", "table", table))
        return self._refer(RefTarget("source", parts))

    def _env_var(self, *args: object, **kwargs: object) -> object:
        name, default = bind("env_var", ("name", "default"), 1, args, kwargs)
        name = text_of("env_var", "name", name)
        self._env.add(name)
        return environment_value(self._around.environment, name, default, allow_secrets=False)

    def _is_incremental(self, *args: object, **kwargs: object) -> bool:
        bind("is_incremental", (), 0, args, kwargs)
        return self._incremental


class Config:
    """`config(...)` sets, `config.get` and `config.require` read."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(self, *args: object, **kwargs: object) -> str:
        """Records the settings given by name, or as one mapping."""
        settings: dict[str, object] = {}
        if len(args) > 1 or (args and not isinstance(args[0], Mapping)):
            raise Problem(
                Code.BAD_CALL,
                "`config` takes settings by name",
                help="write `config(materialized='table')`",
                function="config",
            )
        if args:
            settings |= {str(key): value for key, value in cast("Mapping[object, object]", args[0]).items()}
        self._scope.configure(settings | kwargs)
        return ""

    def get(self, *args: object, **kwargs: object) -> object:
        """Gives a setting as known so far, or the default."""
        kwargs.pop("validator", None)
        key, default = bind("config.get", ("key", "default"), 1, args, kwargs)
        entry = self._scope.config().get(canonical(text_of("config.get", "key", key)))
        if entry is None or entry.value is None:
            return None if default is missing else default
        return thaw(entry.value)

    def require(self, *args: object, **kwargs: object) -> object:
        """Gives a setting that must be there."""
        kwargs.pop("validator", None)
        (key,) = bind("config.require", ("key",), 1, args, kwargs)
        name = text_of("config.require", "key", key)
        layer = self._scope.config()
        entry = layer.get(canonical(name))
        if entry is None:
            raise Problem(
                Code.BAD_CALL,
                f"`config.require('{name}')`: there is no such setting",
                help=did_you_mean(name, layer) or f"set it before: `config({name}=...)`",
                function="config.require",
                argument=name,
            )
        return thaw(entry.value)


class Var:
    """`var(name, default)` and `var.has_var(name)`."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Gives a variable, or the default."""
        name, default = bind("var", ("name", "default"), 1, args, kwargs)
        return self._scope.variable(text_of("var", "name", name), default)

    def has_var(self, name: object) -> bool:
        """Says whether a variable has a value."""
        return self._scope.has_variable(text_of("var.has_var", "name", name))


class Exceptions:
    """`exceptions.raise_compiler_error(message)` and `exceptions.warn(message)`."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def raise_compiler_error(self, msg: object = "") -> str:
        """Stops the template with a message."""
        raise Problem(Code.TEMPLATE_ERROR, str(msg), label="raised here")

    def warn(self, msg: object = "") -> str:
        """Warns, with the place of the expression."""
        self._scope.warnings.append(
            Diagnostic(
                code=Code.TEMPLATE_ERROR,
                severity=Severity.WARNING,
                message=str(msg),
                span=self._scope.here(),
                label="warned here",
            )
        )
        return ""


def _return(*args: object, **kwargs: object) -> object:
    (value,) = bind("return", ("data",), 0, args, kwargs)
    raise ReturnValue(None if value is missing else value)
