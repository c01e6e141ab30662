"""Checks that the signals that models wait for are there, and that they are given what they take."""

from __future__ import annotations

from collections.abc import Iterable

from sqlflow.core.codes import Code
from sqlflow.core.config import Materialization, NodeConfig, SignalUse
from sqlflow.core.diagnostic import Diagnostic, Label, did_you_mean
from sqlflow.core.span import Span
from sqlflow.project.types import Project, SignalDecl
from sqlflow.render.types import Rendered

# What a signal is given by sqlflow: the run's time, and the moments of a batch.
NOW, START, END = "now", "start", "end"
OF_A_BATCH = (START, END)


def check_signals(project: Project, rendered: Rendered) -> Iterable[Diagnostic]:
    """Gives what is wrong with the signals of each model and snapshot."""
    for node, model in rendered.models.items():
        declared = project.models[node]
        for use in model.config.signals:
            place = use.span if use.span.path else declared.span
            signal = project.signals.get(use.name)
            if signal is None:
                yield Diagnostic(
                    code=Code.UNKNOWN_SIGNAL,
                    message=f"there is no signal `{use.name}`",
                    span=place,
                    help=did_you_mean(use.name, list(project.signals))
                    or f"a signal is a function in {_folders(project)}",
                )
            else:
                yield from _wrong_use(use, signal, model.config, declared.name, place)


def _wrong_use(
    use: SignalUse, signal: SignalDecl, config: NodeConfig, model: str, place: Span
) -> Iterable[Diagnostic]:
    label = Label(signal.span, "this signal")
    if config.materialized is Materialization.EPHEMERAL:
        yield _wrong("an ephemeral model waits for nothing: it is a part of what reads it", place, label)
    known = [name for name in signal.parameters if name not in (NOW, *OF_A_BATCH)]
    for name in use.arguments:
        if name not in known:
            help_ = did_you_mean(name, known) or (
                "it takes: " + ", ".join(f"`{k}`" for k in known) if known else "it takes no arguments"
            )
            given = f"`{name}` is given by sqlflow" if name in (NOW, *OF_A_BATCH) else ""
            message = given or f"the signal `{use.name}` takes no `{name}`"
            yield _wrong(message, place, label, help_)
    for name in signal.required:
        if name in OF_A_BATCH and config.time_range is None:
            message = f"the signal `{use.name}` asks for the moments of a batch, and `{model}` has none"
            yield _wrong(message, place, label, "only a model that is built by time range has batches")
            return
        if name in known and name not in use.arguments:
            help_ = f"write `{use.name}: {{{name}: ...}}`"
            yield _wrong(f"the signal `{use.name}` needs `{name}`", place, label, help_)


def _wrong(message: str, place: Span, label: Label, help_: str = "") -> Diagnostic:
    return Diagnostic(code=Code.SIGNAL_ARGUMENTS, message=message, span=place, labels=(label,), help=help_)


def _folders(project: Project) -> str:
    return " or ".join(f"`{folder}/`" for folder in project.settings.signal_paths)
