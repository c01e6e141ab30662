"""The conformance kit: what sqlflow relies on in an adapter, as checks against a real engine.

Each check is a function of a `Harness`, raises `ConformanceError` where the adapter does otherwise, and needs
no test framework. With pytest:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conformance(check, harness):
        check(harness)

The checks make tables and views whose names begin with `sqlflow_check`, in the default schema, and expect
none of them to be there: give each check an empty database.
"""

from __future__ import annotations

from sqlflow.adapter.conformance import names, rows, sessions
from sqlflow.adapter.conformance.harness import Check, ConformanceError, Harness

__all__ = ["CHECKS", "Check", "ConformanceError", "Harness"]

CHECKS: tuple[Check, ...] = (
    names.check_settings,
    rows.check_execute_counts_rows,
    rows.check_fetch_gives_arrow,
    rows.check_parameters,
    rows.check_literals,
    names.check_odd_names,
    names.check_long_names,
    rows.check_load,
    rows.check_load_many,
    rows.check_load_refuses,
    rows.check_types_round_trip,
    names.check_describe,
    names.check_catalog,
    names.check_offline,
    names.check_dependents,
    names.check_grants,
    names.check_comments,
    sessions.check_statements,
    sessions.check_transactions,
    sessions.check_failed_transaction,
    sessions.check_close_rolls_back,
    sessions.check_cancel,
    sessions.check_classify,
    sessions.check_parallel,
)
