"""What a run does before its first action and after its last."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress

from sqlflow.adapter.protocol import Adapter, FailureKind, Session, Warehouse
from sqlflow.apply.catalog import Catalog
from sqlflow.apply.pauses import growing_pauses
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.dialect import statements as sql
from sqlflow.materialize.relation import ASIDE
from sqlflow.state.event import StatementSent

_ATTEMPTS = 6


def create_schemas(
    schemas: Sequence[tuple[str | None, str]],
    tables: Mapping[Relation, str],
    warehouse: Warehouse,
    adapter: Adapter,
    catalog: Catalog,
    emit: Callable[[StatementSent], None],
    clock: Callable[[], float],
) -> tuple[Diagnostic, ...]:
    """Creates the schemas that a plan writes to, and sqlflow's own tables, one after the other.

    `tables` has the statement that makes each of these. Engines fail on two at once. A schema that holds
    something is there, and creating it again could want a right that nobody needs.
    """
    if not schemas:
        return ()
    own = {(table.database, table.schema or adapter.spec.default_schema) for table in tables}
    failed: list[Diagnostic] = []
    session: Session | None = None
    try:
        session = warehouse.session()
        statements = [
            sql.create_schema(adapter.spec, database, schema)
            for database, schema in dict.fromkeys((*schemas, *own))
            if not catalog.relations(session, database, schema)
        ]
        statements += [create for table, create in tables.items() if catalog.kind(session, table) is None]
        for statement in statements:
            _create(session, statement, adapter, emit, clock)
    except Exception as error:
        failure = adapter.classify(error)
        failed.append(
            Diagnostic(
                code=Code.STATEMENT_FAILED,
                message=f"the schemas of this plan can't be made: {failure.message}",
                help="let the user of this target create schemas, or create them beforehand",
            )
        )
    finally:
        if session is not None:
            session.close()
    return tuple(failed)


def _create(
    session: Session,
    statement: str,
    adapter: Adapter,
    emit: Callable[[StatementSent], None],
    clock: Callable[[], float],
) -> None:
    """Creates what may be there; tries again where another run is about to create it."""
    for attempt, pause in zip(range(_ATTEMPTS), growing_pauses(), strict=False):
        began = clock()
        ok = False
        try:
            session.execute(statement)
            ok = True
        except Exception as error:
            kind = adapter.classify(error).kind
            # Two that make the same at once may meet in any error; the second time it is there.
            if (attempt == 0 or kind is FailureKind.TRANSIENT) and attempt < _ATTEMPTS - 1:
                session.rollback()
                time.sleep(pause)
                continue
            # It may be there and empty: what is to be made in it will tell.
            if kind is not FailureKind.PERMISSION:
                raise
        finally:
            emit(StatementSent(node=None, sql=statement, seconds=clock() - began, rows=None, ok=ok))
        return


def drop_leftovers(
    schemas: Sequence[tuple[str | None, str]],
    warehouse: Warehouse,
    adapter: Adapter,
    catalog: Catalog,
    emit: Callable[[StatementSent], None],
    clock: Callable[[], float],
) -> None:
    """Drops the relations that were renamed aside and that nothing reads any more.

    One that is still read stays for the next run; that it can't be dropped is no failure of this one.
    """
    with suppress(Exception), closing(warehouse.session()) as session:
        for database, schema in schemas:
            for name, kind in catalog.relations(session, database, schema).items():
                relation = Relation(database, schema, name)
                if ASIDE not in name or kind is RelationKind.OTHER or session.dependents(relation):
                    continue
                statement = sql.drop(adapter.spec, kind, relation, if_exists=True)
                began = clock()
                ok = False
                try:
                    session.execute(statement)
                    ok = True
                    catalog.put(relation, None)
                except Exception:
                    session.rollback()
                emit(StatementSent(node=None, sql=statement, seconds=clock() - began, rows=None, ok=ok))
