"""Runs the hooks of a node that are outside of the transaction which publishes it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlflow.apply.attempts import again_if_refused
from sqlflow.apply.failures import StoppedError, WorkFailedError, hook_failed
from sqlflow.apply.outcome import Outcome
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundQuery
from sqlflow.materialize.staging import hooks_on
from sqlflow.state.event import Status


def run_before(hooks: Sequence[BoundQuery], sender: Sender) -> None:
    """Runs hooks before the transaction begins; raises WorkFailedError where one fails."""
    for hook in hooks:
        _run(hook, sender)


def run_after(hooks: Sequence[BoundQuery], outcome: Outcome, sender: Sender) -> Outcome:
    """Runs hooks after the commit: what they do, or fail to do, undoes no publishing.

    Gives how the action ended then: what was published stays published. Where nothing was built, none runs.
    """
    if outcome.status is not Status.SUCCESS:
        return outcome
    table = outcome.publication.table if outcome.publication is not None else None
    if table is not None:
        # What they call `this` is the table that they can change.
        hooks = hooks_on(sender.spec, hooks, sender.node, table)
    try:
        for hook in hooks:
            _run(hook, sender)
    except WorkFailedError as error:
        found = tuple(hook_failed(diagnostic, sender.name) for diagnostic in error.diagnostics)
        return outcome._replace(status=Status.ERROR, reason="published", diagnostics=found)
    except StoppedError:
        return outcome._replace(status=Status.CANCELLED, reason="published, its hooks were cut short")
    return outcome


def _run(hook: BoundQuery, sender: Sender) -> None:
    if not hook.sql.strip():
        return
    if sender.broken:
        sender.reconnect()
    # All of a hook has one place, which is told even where the engine names none.
    written = hook.map.locate(0, 1)
    with sender.naming(sender.name, written[0] if written else sender.span):
        again_if_refused(sender, lambda: sender.execute(hook.sql, hook.map))
