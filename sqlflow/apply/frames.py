"""Runs the functions of Python models on dataframes."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from sqlflow.apply.batch_rows import rows_within
from sqlflow.apply.failures import WorkFailedError, line_span
from sqlflow.apply.sender import Sender
from sqlflow.bind.types import BoundModel, BoundSignal
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.digest import short_digest
from sqlflow.core.ranges import Range
from sqlflow.core.span import Span
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.time_range import input_rows, moments_of
from sqlflow.project.types import FrameKind
from sqlflow.system.protocol import System

if TYPE_CHECKING:
    import pyarrow

_IMPORTING = threading.Lock()


# What has a function in a file of the project.
_Code: TypeAlias = BoundModel | BoundSignal


class FunctionRunner:
    """Imports the files of Python models and signals, each once a run, and calls their functions.

    From the first import until `close`, the project's folder is where imports are looked for; the modules
    found there are forgotten at the end, so that the next run in this process sees them as they are then.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._modules: dict[str, ModuleType] = {}
        self._known: frozenset[str] | None = None
        self._writes_bytecode = True

    def close(self) -> None:
        """Ends the run: gives the place in the search path back, forgets the project's modules."""
        with _IMPORTING:
            if self._known is None:
                return
            sys.path.remove(self._system.root)
            sys.dont_write_bytecode = not self._writes_bytecode
            for name in set(sys.modules) - self._known:
                if _is_of_project(sys.modules[name], self._system.root):
                    del sys.modules[name]
            self._known = None

    def run(self, spec: DialectSpec, model: BoundModel, batch: Range | None, sender: Sender) -> pyarrow.Table:
        """Reads a model's inputs, calls its function, gives the rows that it returns.

        Where the model is built by time range, these are the rows of a batch, and of what has a column of
        times only those of the batch are read. Raises WorkFailedError with the place in the user's file
        where its code failed.
        """
        function = model.function
        if function is None:
            raise ValueError(f"{model.id} has no function")
        call = self._function(model, function.path, function.name)
        arguments: dict[str, object] = {
            given.parameter: _arrives(sender.fetch(input_rows(spec, model, given, batch)), given.frame, model)
            for given in function.inputs
        }
        if batch is not None:
            arguments.update(moments_of(model, batch))
        try:
            result = call(**arguments)
        except (Exception, SystemExit) as error:
            sender.check()
            raise WorkFailedError(self._failed(model, error)) from error
        sender.check()
        rows = _to_arrow(result, model)
        return rows_within(spec, model, rows, batch) if batch is not None else rows

    def ask(self, signal: BoundSignal, arguments: Mapping[str, object], sender: Sender) -> object:
        """Calls a signal, and gives what it returns.

        Raises WorkFailedError with the place in the user's file where its code failed.
        """
        call = self._function(signal, signal.path, signal.name)
        try:
            answer = call(**arguments)
        except (Exception, SystemExit) as error:
            sender.check()
            raise WorkFailedError(self._failed(signal, error)) from error
        sender.check()
        return answer

    def _function(self, model: _Code, path: str, name: str) -> Callable[..., object]:
        try:
            module = self._module(path)
        except (Exception, SystemExit) as error:
            raise WorkFailedError(self._failed(model, error)) from error
        function = getattr(module, name, None)
        if not callable(function):
            raise WorkFailedError(
                Diagnostic(
                    code=Code.PYTHON_FAILED,
                    message=f"`{path}` has no function `{name}` once it is imported",
                    span=model.span,
                    help="something in the file takes the function away or puts another thing under its name",
                )
            )
        return function

    def _module(self, path: str) -> ModuleType:
        """Imports a file."""
        with _IMPORTING:
            if self._known is None:
                self._known = frozenset(sys.modules)
                sys.path.insert(0, self._system.root)
                importlib.invalidate_caches()
                # Bytecode is told to be old by whole seconds and size: an edit in between would not be seen.
                self._writes_bytecode = not sys.dont_write_bytecode
                sys.dont_write_bytecode = True
            if path in self._modules:
                return self._modules[path]
            location = self._system.absolute(path)
            spec = importlib.util.spec_from_file_location(f"sqlflow_model_{short_digest(location)}", location)
            if spec is None or spec.loader is None:
                raise ImportError(f"{path} can't be imported")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._modules[path] = module
            return module

    def _failed(self, model: _Code, error: BaseException) -> Diagnostic:
        location = self._system.absolute(model.path)
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == location]
        line = frames[-1].lineno if frames else None
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        return Diagnostic(
            code=Code.PYTHON_FAILED,
            message=f"`{model.name}` raised {type(error).__name__}: {error}",
            span=self._line(model, line) if line else model.span,
            label="raised here" if line else "",
            help=f"install {missing} where sqlflow runs" if missing else "",
        )

    def _line(self, model: _Code, line: int) -> Span:
        try:
            text = self._system.read(model.path).decode("utf-8", "replace")
        except OSError:
            return model.span
        return line_span(model.path, text, line)


def _is_of_project(module: ModuleType, root: str) -> bool:
    """Whether a module lies in the project's folder; an environment in there is no part of the project."""
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and file.startswith(root + os.sep) and "site-packages" not in file


def _arrives(table: pyarrow.Table, frame: FrameKind, model: BoundModel) -> object:
    try:
        match frame:
            case FrameKind.ARROW:
                return table
            case FrameKind.PANDAS:
                return table.to_pandas()
            case FrameKind.POLARS:
                import polars

                return polars.from_arrow(table)
            case FrameKind.DUCKDB:
                import duckdb

                return duckdb.connect().from_arrow(table)
            case FrameKind.IBIS:
                raise ValueError(f"{model.id} is compiled, and not run")
    except ImportError as error:
        raise WorkFailedError(
            Diagnostic(
                code=Code.DRIVER_MISSING,
                message=f"`{model.name}` asks for {frame.value}, which is not installed",
                span=model.span,
                help=f"pip install 'sqlflow[{frame.value.split('.')[0]}]'",
            )
        ) from error


def _to_arrow(result: object, model: BoundModel) -> pyarrow.Table:
    """Turns what a function returned into an Arrow table, told by its type's home, without imports."""
    import pyarrow

    home = type(result).__module__.split(".")[0]
    kind = type(result).__name__
    # Partly typed packages: from here on any attribute may be asked for.
    given = cast("Any", result)
    table: Any = None
    try:
        if isinstance(result, pyarrow.Table):
            table = given
        elif isinstance(result, (pyarrow.RecordBatch, pyarrow.RecordBatchReader)):
            batches = [given] if isinstance(result, pyarrow.RecordBatch) else list(given)
            table = pyarrow.Table.from_batches(batches, schema=given.schema)
        elif home == "pandas" and kind == "DataFrame":
            table = pyarrow.Table.from_pandas(given, preserve_index=False)
        elif home == "polars" and kind in ("DataFrame", "LazyFrame"):
            table = (given.collect() if kind == "LazyFrame" else given).to_arrow()
        elif kind == "DuckDBPyRelation":
            table = given.to_arrow_table()
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise WorkFailedError(
            _bad_result(model, f"a {home}.{kind} that doesn't fit Arrow: {error}")
        ) from error
    if not isinstance(table, pyarrow.Table):
        raise WorkFailedError(_bad_result(model, f"{'nothing' if result is None else f'a {kind}'}"))
    names = [str(name) for name in table.schema.names]
    if not names:
        raise WorkFailedError(_bad_result(model, "a table without columns"))
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise WorkFailedError(_bad_result(model, f"two columns named `{repeated[0]}`"))
    return table.rename_columns(names)


def _bad_result(model: BoundModel, what: str) -> Diagnostic:
    accepted = "a pandas or polars DataFrame, a pyarrow Table or a duckdb relation"
    return Diagnostic(
        code=Code.PYTHON_RESULT,
        message=f"`{model.name}` returned {what}",
        span=model.span,
        help=f"a Python model returns {accepted}, with a name of its own for each column",
    )
