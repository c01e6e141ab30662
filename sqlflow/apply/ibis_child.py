"""Compiles functions that build ibis expressions: the program of a child process, which no module imports.

It is run by its path, in isolated mode. Requests come as lines of JSON on the standard input; each is
answered by one line on what the standard output was when it began. What the user's code prints goes to the
standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any


def _compiled(request: dict[str, Any], modules: dict[str, Any]) -> dict[str, Any]:
    """Calls one function and renders what it returns."""
    import ibis

    path = request["path"]
    if path not in modules:
        module: dict[str, Any] = {"__name__": "sqlflow_model", "__file__": path}
        exec(compile(request["text"], path, "exec"), module)  # noqa: S102  (the user's own code)
        modules[path] = module
    tables = {
        given["parameter"]: ibis.table(_schema(given["columns"], request["dialect"]), name=given["table"])
        for given in request["inputs"]
    }
    # A text that is cast: the moments of a batch are put into it when that is built.
    moments = {name: ibis.literal(text).cast(request["moment"]) for name, text in request["moments"].items()}
    result = modules[path][request["function"]](**tables, **moments)
    if not isinstance(result, ibis.Table):
        kind = type(result)
        return {"kind": "result", "what": f"{kind.__module__.split('.')[0]}.{kind.__name__}"}
    try:
        sql = str(ibis.to_sql(result, dialect=request["dialect"]))
        partly = {given["table"]: given["columns"] for given in request["inputs"] if given["open"]}
        return {"kind": "sql", "sql": _narrowed(sql, partly, request["dialect"]) if partly else sql}
    except Exception as error:
        return {"kind": "unrendered", "message": _message(error)}


def _narrowed(sql: str, tables: dict[str, list[tuple[str, str | None]]], dialect: str) -> str:
    """Has tables with more columns than the expression knows read without these: ibis writes `*` for all that
    it knows."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, dialect=dialect)
    for table in list(tree.find_all(exp.Table)):
        if table.name in tables:
            alias = table.alias or table.name
            table.set("alias", None)
            known = [exp.column(name, quoted=True) for name, _ in tables[table.name]]
            table.replace(
                exp.select(*known).from_(table.copy()).subquery(exp.to_identifier(alias, quoted=True))
            )
    return tree.sql(dialect=dialect, pretty=True)


def _schema(columns: list[tuple[str, str | None]], dialect: str) -> Any:
    """Gives types as ibis reads them in the dialect; what it doesn't know is a type without operations."""
    import ibis
    import ibis.expr.datatypes as datatypes
    from ibis.backends.sql.datatypes import get_type_mapper

    mapper: Any = get_type_mapper(dialect)
    unknown: Any = datatypes.unknown
    return ibis.schema(
        {name: mapper.from_string(text) if text is not None else unknown for name, text in columns}
    )


def _message(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _failed(error: BaseException, path: str) -> dict[str, Any]:
    """Says what was raised, and in which line of the file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    if not lines and isinstance(error, SyntaxError) and error.filename == path:
        lines = [error.lineno]
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return {
        "kind": "raised",
        "message": _message(error),
        "line": lines[-1] if lines else None,
        "missing": missing,
    }


def main() -> None:
    """Answers requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    start = json.loads(sys.stdin.readline())
    sys.path[:] = start["path"]

    def answer(record: dict[str, Any]) -> None:
        answers.write(json.dumps(record) + "\n")
        answers.flush()

    try:
        for name in ("ibis", "ibis.backends.sql.datatypes"):
            import_module(name)
    except ImportError as error:
        answer({"kind": "missing", "message": _message(error), "missing": error.name})
        return
    answer({"kind": "ready"})
    modules: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(_compiled(request, modules))
        except (Exception, SystemExit) as error:
            answer(_failed(error, request["path"]))


if __name__ == "__main__":
    main()
