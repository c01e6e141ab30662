"""Descriptions that are kept in the warehouse, as far as the compiler sees what can't be kept."""

from __future__ import annotations

from dataclasses import replace

from sqlflow.bind.docs import check_docs
from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Severity
from sqlflow.core.relation import Relation, RelationKind
from sqlflow.dialect.specs import DUCKDB
from sqlflow.materialize.docs import comments
from sqlflow.materialize.types import Existing
from tests.compiler.projects import POSTGRES as ON_POSTGRES
from tests.compiler.projects import compiled

DESCRIBED = """
models:
  - name: q
    config: {persist_docs: {columns: true}}
    columns:
      - {name: id, description: What it is.}
      - {name: nmae, description: What it is called.}
      - {name: later, description: ' '}
      - {name: undescribed}
"""


def test_a_described_column_that_is_not_there_is_a_warning() -> None:
    found = compiled({"q.sql": "select 1 as id, 'a' as name", "q.yml": DESCRIBED})
    diagnostic = found.only()
    assert (diagnostic.code, diagnostic.severity) == (Code.UNKNOWN_DESCRIBED_COLUMN, Severity.WARNING)
    assert found.at(diagnostic.span) == ("models/q.yml", "nmae")
    assert diagnostic.help == "did you mean `name`?"


def test_it_is_one_only_where_columns_are_kept() -> None:
    for other in ("relation: true", "columns: false"):
        compiled({"q.sql": "select 1 as id", "q.yml": DESCRIBED.replace("columns: true", other)}).clean()
    ephemeral = "{{ config(materialized='ephemeral') }} select 1 as id"
    compiled({"q.sql": ephemeral, "q.yml": DESCRIBED}).clean()


def test_names_are_those_of_the_engine() -> None:
    files = {"q.sql": 'select 1 as ID, 2 as "Nmae"', "q.yml": DESCRIBED.replace("nmae", "Nmae")}
    compiled(files).clean()
    compiled(files, settings=ON_POSTGRES).clean()
    upper = {**files, "q.yml": DESCRIBED.replace("nmae", "NMAE")}
    compiled(upper).clean()
    assert compiled(upper, settings=ON_POSTGRES).only().code is Code.UNKNOWN_DESCRIBED_COLUMN


def test_where_columns_are_not_known_nothing_is_said() -> None:
    function = "import pyarrow\n\n\ndef q():\n    return pyarrow.table({})\n"
    compiled({"q.py": function, "q.yml": DESCRIBED}).clean()


def test_an_engine_without_comments_is_told_of_once() -> None:
    seeds = "models: {+persist_docs: {relation: true}}\n"
    settings = "name: shop\ntargets: {dev: {type: duckdb}}\n" + seeds
    found = compiled({"q.sql": "select 1 as id", "p.sql": "select 2 as id"}, settings=settings).clean()
    project, rendered = found.compilation.project, found.compilation.rendered
    assert project is not None
    assert rendered is not None
    bare = replace(DUCKDB, comments=False)
    [diagnostic] = check_docs(project, rendered, found.program.schemas, bare, bare)
    assert (diagnostic.code, diagnostic.severity) == (Code.UNSUPPORTED_BY_ENGINE, Severity.WARNING)
    assert found.at(diagnostic.span) == ("sqlflow.yml", "{relation: true}")
    docs = found.model().docs
    table = Relation(None, None, "q")
    assert comments(bare, docs, table, RelationKind.VIEW, Existing())(table) == ()
