"""Asks the signals that a model waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlflow.apply.failures import WorkFailedError
from sqlflow.apply.frames import FunctionRunner
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundSignal
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.ranges import Range
from sqlflow.core.value import thaw
from sqlflow.link.signals import END, NOW, START


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Calls signals; each is given what its parameters name, `now` among it: the run's time, in UTC."""

    functions: FunctionRunner
    now: datetime

    def waiting(self, signals: Iterable[BoundSignal], sender: Sender) -> str:
        """Says which of the signals about a whole model is not there yet; empty where all are."""
        for signal in signals:
            if not signal.is_of_batches and not self._is_there(signal, {}, sender):
                return _waits(signal)
        return ""

    def ready(
        self, signals: Sequence[BoundSignal], batches: Sequence[Range], sender: Sender
    ) -> tuple[tuple[Range, ...], str]:
        """Gives the batches whose signals are there, and which signal the first of the others waits for."""
        asked = [signal for signal in signals if signal.is_of_batches]
        reason = ""
        there: list[Range] = []
        for batch in batches:
            moments = {START: batch.start.replace(tzinfo=UTC), END: batch.end.replace(tzinfo=UTC)}
            missing = next((s for s in asked if not self._is_there(s, moments, sender)), None)
            if missing is None:
                there.append(batch)
            else:
                reason = reason or _waits(missing)
        return tuple(there), reason

    def _is_there(self, signal: BoundSignal, moments: Mapping[str, datetime], sender: Sender) -> bool:
        given = {name: thaw(value) for name, value in signal.arguments.items()}
        for name, moment in (*moments.items(), (NOW, self.now)):
            if name in signal.parameters:
                given[name] = moment
        answer = self.functions.ask(signal, given, sender)
        if isinstance(answer, bool):
            return answer
        raise WorkFailedError(
            Diagnostic(
                code=Code.SIGNAL_FAILED,
                message=f"the signal `{signal.name}` gave {_named(answer)}, and neither True nor False",
                span=signal.span,
                help="return True where the model may be built",
            )
        )


def _waits(signal: BoundSignal) -> str:
    return f"the signal {signal.name} is not there yet"


def _named(answer: object) -> str:
    return "nothing" if answer is None else f"a value of the type {type(answer).__name__}"
