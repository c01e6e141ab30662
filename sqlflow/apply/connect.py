"""Opens the warehouse of a target."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlflow.adapter.protocol import READ_ONLY, Adapter, DriverMissingError, FailureKind, Warehouse
from sqlflow.apply.pauses import growing_pauses
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.value import Value
from sqlflow.project.types import Target


class NotThereError(ProjectError):
    """Raised where there is no warehouse yet, and who only reads makes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a warehouse that another process holds, in seconds, and whom to tell of it."""

    seconds: float
    tell: Callable[[str], None]


def connect(
    adapter: Adapter,
    target: Target,
    settings: Mapping[str, Value],
    root: str,
    patience: Patience,
    *,
    reads: bool = False,
) -> Warehouse:
    """Connects; where all that follows `reads`, without the right to write, if the adapter knows that.

    `settings` are the adapter's, `root` is the project's folder. Waits while another process is in the way.
    Raises ProjectError, NotThereError where there is nothing to connect to.
    """
    given = dict(settings)
    if reads and any(setting.name == READ_ONLY for setting in adapter.settings):
        given[READ_ONLY] = True
    try:
        return _patiently(lambda: adapter.open(given, root), adapter, target, patience)
    except DriverMissingError as error:
        raise ProjectError(
            [
                Diagnostic(
                    code=Code.DRIVER_MISSING,
                    message=f"the target `{target.name}` needs the package {error.package}, "
                    "which is not installed",
                    span=target.span,
                    help=error.install,
                )
            ]
        ) from error
    except Exception as error:
        failure = adapter.classify(error)
        kind = NotThereError if failure.kind is FailureKind.MISSING else ProjectError
        raise kind(
            [
                Diagnostic(
                    code=Code.NO_CONNECTION,
                    message=f"the target `{target.name}` can't be reached: {failure.message}",
                    span=target.span,
                    help=failure.hint or "check the settings of the target, and that the warehouse is up",
                )
            ]
        ) from error


def _patiently(
    attempt: Callable[[], Warehouse], adapter: Adapter, target: Target, patience: Patience
) -> Warehouse:
    end = time.monotonic() + patience.seconds
    pauses, told = growing_pauses(), False
    while True:
        pause = next(pauses)
        try:
            return attempt()
        except DriverMissingError:
            raise
        except Exception as error:
            failure = adapter.classify(error)
            if failure.kind is not FailureKind.TRANSIENT or time.monotonic() + pause > end:
                raise
            if not told:
                told = True
                first = failure.message.partition("\n")[0]
                patience.tell(
                    f"waiting for the target {target.name}, {patience.seconds:g} s at most: {first}"
                )
        time.sleep(pause)
