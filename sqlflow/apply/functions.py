"""Compiles ibis models in a child process, for the compiler."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlflow.apply.failures import line_span
from sqlflow.bind.functions import FunctionInput
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.moments import MomentType
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.types import ModelDecl
from sqlflow.render.types import MOMENT_NAMES
from sqlflow.system.protocol import System

_CHILD = Path(__file__).with_name("ibis_child.py")
# The environment of the child: what an interpreter needs, and nothing that can be a secret.
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT")
# Importing ibis takes a second or so; a machine that is busy gets more.
_START_SECONDS = 120.0

# The types that ibis has for moments.
_IBIS_TYPES = {
    MomentType.DATE: "date",
    MomentType.TIMESTAMP: "timestamp",
    MomentType.ZONED: "timestamp('UTC')",
}

Answer = Mapping[str, Any]


class FunctionCompiler:
    """Compiles the functions of one project, in one process for all as long as they behave.

    A function that does not come to an end, or that ends its process, costs that process: the next one gets
    a new one. `seconds` is the time that each has.
    """

    def __init__(self, system: System, seconds: float) -> None:
        self._system = system
        self._seconds = seconds
        self._child: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._missing: Answer | None = None

    def compile(
        self, model: ModelDecl, inputs: Sequence[FunctionInput], moments: MomentType, spec: DialectSpec
    ) -> tuple[str | None, tuple[Diagnostic, ...]]:
        """Gives the query of a model's function, or what is wrong with it.

        The moments that it gets of a batch have the type `moments`, and stand in the query by their names.
        """
        if not spec.ibis_dialect:
            return None, (_unrendered(model, f"ibis writes no SQL for {spec.name}"),)
        try:
            text = self._system.read(model.path).decode("utf-8-sig", "replace")
        except OSError:
            # That the file can't be read was told when it was to be read first.
            return None, ()
        problem = self._start(model)
        if problem is not None:
            return None, (problem,)
        answer = self._ask(
            {
                "path": self._system.absolute(model.path),
                "text": text,
                "function": model.function.name if model.function is not None else model.name,
                "dialect": spec.ibis_dialect,
                "inputs": [
                    {
                        "parameter": one.parameter,
                        "table": one.table,
                        "columns": one.columns,
                        "open": one.is_open,
                    }
                    for one in inputs
                ],
                "moments": {
                    moment.name: MOMENT_NAMES[moment.name]
                    for moment in (model.function.moments if model.function is not None else ())
                },
                "moment": _IBIS_TYPES[moments],
            },
            self._seconds,
        )
        if answer is None:
            return None, (self._ended(model, self._seconds),)
        return _told(model, text, answer, inputs)

    def close(self) -> None:
        """Ends the process."""
        child, self._child = self._child, None
        if child is None:
            return
        _kill(child)
        child.wait()
        # The output is left to who reads it: what the user's code has started may still hold it open.
        if child.stdin is not None:
            with suppress(OSError):
                child.stdin.close()

    def _start(self, model: ModelDecl) -> Diagnostic | None:
        if self._child is None and self._missing is None:
            environment = self._system.environment()
            self._answers = queue.Queue()
            self._child = subprocess.Popen(  # noqa: S603  (this interpreter, a file of ours)
                [sys.executable, "-I", "-X", "utf8", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                start_new_session=True,
                env={name: environment[name] for name in _KEPT if name in environment},
            )
            threading.Thread(target=_read, args=(self._child, self._answers), daemon=True).start()
            folders = [self._system.root, *filter(os.path.exists, sys.path)]
            answer = self._ask({"path": folders}, _START_SECONDS)
            if answer is None:
                return self._ended(model, _START_SECONDS)
            if answer["kind"] == "missing":
                self.close()
                self._missing = answer
        if self._missing is None:
            return None
        return Diagnostic(
            code=Code.DRIVER_MISSING,
            message=f"`{model.name}` needs ibis, which can't be imported: {self._missing['message']}",
            span=model.span,
            help="pip install 'sqlflow[ibis]'",
        )

    def _ask(self, request: object, seconds: float) -> Answer | None:
        """Sends a request and waits for its answer; None where there is none in time."""
        child = self._child
        if child is None or child.stdin is None:
            return None
        try:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
            line = self._answers.get(timeout=seconds)
        except (OSError, queue.Empty):
            return None
        return json.loads(line) if line else None

    def _ended(self, model: ModelDecl, seconds: float) -> Diagnostic:
        child = self._child
        code = None
        if child is not None:
            try:
                # A process that is about to end has closed its output before.
                code = child.wait(timeout=0.5 if self._answers.empty() else 0)
            except subprocess.TimeoutExpired:
                code = None
        self.close()
        if code is None:
            return Diagnostic(
                code=Code.IBIS_TIMED_OUT,
                message=f"`{model.name}` was not compiled within {seconds:g} s",
                span=model.span,
                help="a function builds an expression and reads no data; `python-timeout` gives it more time",
            )
        return Diagnostic(
            code=Code.PYTHON_FAILED,
            message=f"`{model.name}` ended the process that compiles it, with exit code {code}",
            span=model.span,
            help="a function builds an expression, and returns it",
        )


def _kill(child: subprocess.Popen[str]) -> None:
    """Ends a child, with all that it has started where the system has groups of processes."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        child.kill()


def _read(child: subprocess.Popen[str], answers: queue.Queue[str | None]) -> None:
    """Hands on the lines of a child, and at last that there are no more."""
    stream = child.stdout
    if stream is not None:
        with stream:
            while line := stream.readline():
                answers.put(line)
    answers.put(None)


def _told(
    model: ModelDecl, text: str, answer: Answer, inputs: Sequence[FunctionInput]
) -> tuple[str | None, tuple[Diagnostic, ...]]:
    match answer["kind"]:
        case "sql":
            return answer["sql"], ()
        case "result":
            what = "nothing" if answer["what"] == "builtins.NoneType" else f"a {answer['what']}"
            found = Diagnostic(
                code=Code.PYTHON_RESULT,
                message=f"`{model.name}` returned {what}",
                span=model.span,
                help="an ibis model returns an `ibis.Table`, built from its parameters",
            )
        case "unrendered":
            found = _unrendered(model, answer["message"])
        case _:
            line, missing = answer["line"], answer["missing"]
            found = Diagnostic(
                code=Code.PYTHON_FAILED,
                message=f"`{model.name}` raised {answer['message']}",
                span=line_span(model.path, text, line) if line else model.span,
                label="raised here" if line else "",
                help=f"install {missing} where sqlflow runs" if missing else "",
                notes=tuple(_unknown(inputs)),
            )
    return None, (found,)


def _unknown(inputs: Sequence[FunctionInput]) -> list[str]:
    """Says of which columns the type is not known: nothing can be done with one but to pass it on."""
    found: list[str] = []
    for one in inputs:
        names = [name for name, kind in one.columns if kind is None]
        if names:
            found.append(
                f"of `{one.parameter}`, the types of these columns are not known: {', '.join(names)}"
            )
    return found


def _unrendered(model: ModelDecl, why: str) -> Diagnostic:
    return Diagnostic(
        code=Code.IBIS_NOT_RENDERED,
        message=f"`{model.name}` can't be written as SQL: {why}",
        span=model.span,
        help="build the expression of what the warehouse has, or take a data frame as the parameter",
    )
