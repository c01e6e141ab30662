"""What an exception that ends a command becomes: a message and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

import click

from sqlflow.cli.session import Session
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, ProjectError

WRONG = 1
# The code has changes, where a plan was asked to say so.
CHANGES = 3
INTERRUPTED = 130
# What a shell reports of a process that was ended because nobody reads its output any more.
BROKEN_PIPE = 141

CRASH_LOG = "target/crash.log"
_PROJECT_FILES = ("sqlflow.yml", "dbt_project.yml")


def end(error: BaseException, ctx: click.Context) -> int:
    """Tells what happened; gives the exit code."""
    root = ctx.find_root().obj
    session = root if isinstance(root, Session) else None
    try:
        return _end(error, session)
    except BrokenPipeError:
        return _silence()


def _end(error: BaseException, session: Session | None) -> int:
    match error:
        case BrokenPipeError():
            return _silence()
        case KeyboardInterrupt():
            _tell("interrupted", session)
            _finish(session, interrupted=True)
            return INTERRUPTED
        case ProjectError() if session is not None:
            session.report(error.diagnostics)
            _finish(session)
            return WRONG
        case _:
            diagnostic = internal(error, session)
            if session is not None:
                session.report([diagnostic])
            else:
                _tell(f"error[{diagnostic.code}]: {diagnostic.message}\n" + "\n".join(diagnostic.notes), None)
            _finish(session)
            return WRONG


def internal(error: BaseException, session: Session | None) -> Diagnostic:
    """Makes the diagnostic of a mistake in sqlflow itself, and writes the traceback to a file.

    The message has the exception's type and, for a file that could not be used, its name, but not its
    text: that may hold what must not be shown.
    """
    text = "".join(traceback.format_exception(error))
    kept = _keep(text, session)
    what = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        what += f" ({error.strerror}{f': {error.filename}' if error.filename else ''})"
    return Diagnostic(
        code=Code.INTERNAL,
        message=f"sqlflow itself failed: {what}",
        notes=(f"the traceback is in {kept}" if kept else "the traceback could not be written to a file",),
        help="`sqlflow explain SF0799` says what to do with it",
    )


def _keep(text: str, session: Session | None) -> str | None:
    """Writes a traceback into the project, or else among the temporary files; gives its path."""
    folder = Path(session.folder if session is not None else ".")
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    content = f"{stamp} sqlflow {session.command if session is not None else ''}\n{text}"
    if any((folder / name).is_file() for name in _PROJECT_FILES):
        path = folder / CRASH_LOG
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8", errors="backslashreplace")
        except OSError:
            pass
        else:
            return str(path)
    try:
        handle, name = tempfile.mkstemp(prefix="sqlflow-crash-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(content)
    except OSError:
        return None
    return name


def _finish(session: Session | None, *, interrupted: bool = False) -> None:
    """Writes the last line that a run in JSON owes."""
    if session is not None and session.owes_run_finished and session.terminal.is_json:
        from sqlflow.cli.views.json import never_started

        session.owes_run_finished = False
        session.terminal.record(never_started(datetime.now(UTC), interrupted=interrupted))


def _tell(text: str, session: Session | None) -> None:
    if session is not None:
        session.terminal.tell(text)
    else:
        click.echo(text, err=True)


def _silence() -> int:
    """Lets what is still buffered go nowhere, so that the interpreter's own flush at exit does not fail."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(null, stream.fileno())
        except ValueError:  # closed
            continue
    os.close(null)
    return BROKEN_PIPE
