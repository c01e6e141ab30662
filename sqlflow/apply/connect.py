"""Opens the warehouse of a target."""

from __future__ import annotations

from collections.abc import Mapping

from sqlflow.adapter.protocol import READ_ONLY, Adapter, DriverMissingError, Warehouse
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError
from sqlflow.core.value import Value
from sqlflow.project.types import Target


def connect(
    adapter: Adapter, target: Target, settings: Mapping[str, Value], root: str, *, reads: bool = False
) -> Warehouse:
    """Connects; where all that follows `reads`, without the right to write, if the adapter knows that.

    `settings` are the adapter's, `root` is the project's folder. Raises ProjectError.
    """
    given = dict(settings)
    if reads and any(setting.name == READ_ONLY for setting in adapter.settings):
        given[READ_ONLY] = True
    try:
        return adapter.open(given, root)
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
        raise ProjectError(
            [
                Diagnostic(
                    code=Code.NO_CONNECTION,
                    message=f"the target `{target.name}` can't be reached: {failure.message}",
                    span=target.span,
                    help=failure.hint or "check the settings of the target, and that the warehouse is up",
                )
            ]
        ) from error
