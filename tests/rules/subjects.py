"""The engines that are asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from tests.rules import catalog, facts, postgres, probes
from tests.rules.engine import DuckDB
from tests.rules.subject import Subject
from tests.servers import postgres_server


def duckdb_subject() -> Subject:
    """DuckDB, in memory."""
    return Subject(
        name="duckdb",
        connect=DuckDB,
        columns=probes.columns(),
        probes=probes.probes(),
        shapes=catalog.shapes,
        base=facts.base,
        arithmetic=catalog.ARITHMETIC,
        truths=catalog.TRUTHS,
        unary=catalog.UNARY,
        postfix=catalog.POSTFIX,
        written=catalog.WRITTEN,
        accepts=catalog.ACCEPTS,
        variadic=catalog.VARIADIC,
        words=catalog.WORDS,
        anything=catalog.ANYTHING,
        plain=catalog.PLAIN,
        lists=catalog.LISTS,
        keyed=catalog.KEYED,
        keys={name: catalog.KEYS[catalog.SAME_KEYS.get(name, name)] for name in catalog.KEYED},
        arrows=catalog.ARROWS,
        lambdas=(*catalog.MAPPING, *catalog.FILTERING),
    )


@contextlib.contextmanager
def postgres_subject() -> Iterator[Subject]:
    """PostgreSQL, on a server that runs meanwhile."""
    with postgres_server() as server, server.database() as settings:
        yield Subject(
            name="postgres",
            connect=lambda columns: postgres.Postgres(settings, columns),
            columns=postgres.columns(),
            probes=postgres.probes(),
            shapes=postgres.shapes,
            base=postgres.base,
            arithmetic=postgres.ARITHMETIC,
            truths=postgres.TRUTHS,
            unary=("-", "+", "~", "NOT"),
            postfix=catalog.POSTFIX,
            written=catalog.WRITTEN,
            accepts={**catalog.ACCEPTS, "explicit": "CAST({0} AS {1})"},
            variadic=postgres.VARIADIC,
            words=postgres.WORDS,
        )


@contextlib.contextmanager
def subjects(names: Sequence[str]) -> Iterator[list[Subject]]:
    """Gives those of the engines that are named."""
    with contextlib.ExitStack() as stack:
        some = [duckdb_subject()] if "duckdb" in names else []
        if "postgres" in names:
            some.append(stack.enter_context(postgres_subject()))
        yield some
