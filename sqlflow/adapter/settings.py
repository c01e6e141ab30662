"""Checks a target's settings against those that its adapter has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from sqlflow.adapter.protocol import Adapter, Setting
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, did_you_mean
from sqlflow.core.value import Value, type_name
from sqlflow.project.types import ConfigEntry, Target

_TYPE_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def check_settings(
    adapter: Adapter, target: Target, project: str
) -> tuple[Mapping[str, Value], tuple[Diagnostic, ...]]:
    """Gives the settings with defaults filled in, and what is wrong with them.

    Text that was a template's result is taken as the number or the truth value that it spells, since an
    environment variable can hold nothing but text. `{project}` in a default is the project's name. No
    message has the value of a secret in it.
    """
    known = {setting.name: setting for setting in adapter.settings}
    values: dict[str, Value] = {}
    diagnostics: list[Diagnostic] = []
    for name, entry in target.settings.items():
        setting = known.get(name)
        if setting is None:
            diagnostics.append(
                Diagnostic(
                    code=Code.UNKNOWN_KEY,
                    message=f"a target of type `{adapter.name}` has no setting `{name}`",
                    span=entry.key or entry.span,
                    help=did_you_mean(name, known) or f"it has: {', '.join(sorted(known))}",
                )
            )
            continue
        value, wrong = _read(setting, entry)
        diagnostics.extend(wrong)
        values[name] = value
    for setting in adapter.settings:
        if values.get(setting.name) is not None:
            continue
        if setting.required and setting.name not in target.settings:
            diagnostics.append(
                Diagnostic(
                    code=Code.MISSING_SETTING,
                    message=f"the target `{target.name}` has no `{setting.name}`",
                    span=target.span,
                    help=setting.description,
                )
            )
        default = setting.default
        if default is not None:
            values[setting.name] = (
                default.replace("{project}", project) if isinstance(default, str) else default
            )
    return values, tuple(diagnostics)


def _read(setting: Setting, entry: ConfigEntry) -> tuple[Value, tuple[Diagnostic, ...]]:
    value = entry.value
    if value is None:
        return None, ()
    if setting.type is bool and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true", ()
    if isinstance(value, str) and setting.type in (int, float):
        with suppress(ValueError):
            return (int(str(value)) if setting.type is int else float(str(value))), ()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if setting.type is float:
            return float(value), ()
        if setting.type is str:
            return str(value), ()
    if isinstance(value, setting.type) and not (setting.type is int and isinstance(value, bool)):
        return value, ()
    shown = "" if setting.secret else f", and this is {type_name(value)}"
    return None, (
        Diagnostic(
            code=Code.WRONG_TYPE,
            message=f"`{setting.name}` is {_TYPE_NAMES[setting.type]}{shown}",
            span=entry.span,
            help=setting.description,
        ),
    )
