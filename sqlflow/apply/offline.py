"""Asks an engine inside this process which columns something has, for the compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from sqlflow.adapter.protocol import Adapter, Session
from sqlflow.core.relation import Column, Relation
from sqlflow.dialect.names import literal
from sqlflow.dialect.statements import create_table


class OfflineEngine:
    """The target's engine without its data, opened when it is first needed; an answer of None is no answer.

    Files and queries have sessions apart: a query of the user's can read no file.
    """

    def __init__(self, adapter: Adapter, files: Sequence[str]) -> None:
        self._adapter = adapter
        self._paths = tuple(files)
        self._opened: list[Session] = []
        self._made: dict[str, bool] = {}
        self._known: dict[str, tuple[Column, ...] | None] = {}

    def file(self, path: str) -> tuple[Column, ...] | None:
        """Gives the columns of a file, by its absolute path, as a query sees them that reads it in place.

        A file is looked at once, however many sources it is.
        """
        if path not in self._known:
            self._known[path] = self._describe_file(path)
        return self._known[path]

    def _describe_file(self, path: str) -> tuple[Column, ...] | None:
        reader = self._adapter.spec.file_readers.get("." + path.rpartition(".")[2].lower())
        if reader is None or self._files is None:
            return None
        return _described(self._files, f"SELECT * FROM {reader}({literal(self._adapter.spec, path)})")

    def query(
        self, dialect: str, sql: str, tables: Mapping[str, Sequence[Column]]
    ) -> tuple[Column, ...] | None:
        """Gives the columns of a query over empty tables; one of a name is made once.

        What is written in another dialect than the engine's may mean something else to it: no answer.
        """
        session = self._queries if dialect == self._adapter.spec.name else None
        if session is None or not all(self._make(session, name, tables[name]) for name in tables):
            return None
        return _described(session, sql)

    def close(self) -> None:
        """Ends the sessions."""
        for session in self._opened:
            session.close()

    def _make(self, session: Session, name: str, columns: Sequence[Column]) -> bool:
        if name not in self._made:
            try:
                session.execute(create_table(self._adapter.spec, Relation(None, None, name), columns))
            except Exception:
                # A type that the engine has no table of: nothing can be asked about it.
                self._made[name] = False
            else:
                self._made[name] = True
        return self._made[name]

    @cached_property
    def _files(self) -> Session | None:
        return self._session(self._paths)

    @cached_property
    def _queries(self) -> Session | None:
        return self._session(())

    def _session(self, files: Sequence[str]) -> Session | None:
        try:
            warehouse = self._adapter.offline(files)
            session = warehouse.session() if warehouse is not None else None
        except Exception:
            # Its driver is missing, or it can't be shut off from the outside: nothing is asked then.
            return None
        if session is not None:
            self._opened.append(session)
        return session


def _described(session: Session, sql: str) -> tuple[Column, ...] | None:
    try:
        return session.describe(sql)
    except Exception:
        # What the engine refuses here, it may take with the warehouse's own functions and settings.
        return None
