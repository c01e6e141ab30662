"""Puts together what a model waits for: the signals that its configuration names, and their functions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.bind.types import BoundSignal
from sqlflow.core.config import NodeConfig
from sqlflow.link.signals import OF_A_BATCH
from sqlflow.project.types import SignalDecl


def bound_signals(config: NodeConfig, signals: Mapping[str, SignalDecl]) -> tuple[BoundSignal, ...]:
    """Gives the signals of a model, those that are not there left out: these are mistakes."""
    return tuple(
        BoundSignal(
            name=use.name,
            path=found.path,
            parameters=found.parameters,
            arguments=use.arguments,
            is_of_batches=config.time_range is not None and any(p in OF_A_BATCH for p in found.parameters),
            span=found.span,
        )
        for use in config.signals
        if (found := signals.get(use.name)) is not None
    )
