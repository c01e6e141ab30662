"""Grants what a node's configuration says on its table or view, and takes the rest away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlflow.bind.types import Grants
from sqlflow.core.relation import Grant, Relation
from sqlflow.dialect import statements as sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.materialize.types import Existing, SetGrants, Step


def set_grants(grants: Grants | None, relation: Relation) -> tuple[Step, ...]:
    """Gives the step, none where what is granted is left alone."""
    return () if grants is None else (SetGrants(on=relation, grants=grants),)


def worth_keeping(existing: Existing, grants: Grants | None) -> Existing:
    """Leaves out the grants that a new table need not get again: they would be taken away at once."""
    if grants is None:
        return existing
    wanted = {(one.privilege, one.grantee) for one in grants.wanted}
    kept = (one for one in existing.grants if _is_of_column(one) or _key(one) in wanted)
    return replace(existing, grants=tuple(kept))


def grant_statements(spec: DialectSpec, step: SetGrants, now: Sequence[Grant]) -> tuple[str, ...]:
    """Gives the statements for what is not as it should be: first what is taken away.

    Who loses a privilege loses it on each column as well, and gets that again: grants on columns are left
    alone.
    """
    wanted = {_key(one): one for one in step.grants.wanted}
    has = {_key(one) for one in now if not _is_of_column(one)}
    surplus = {_key(one): one for one in now if not _is_of_column(one) and _key(one) not in wanted}
    missing = [one for key, one in wanted.items() if key not in has]
    again = [one for one in now if _is_of_column(one) and _key(one) in surplus]
    return (
        *sql.revoke(spec, step.on, surplus.values()),
        *sql.grant(spec, step.on, missing),
        *sql.grant(spec, step.on, again),
    )


def _key(grant: Grant) -> tuple[str, str | None]:
    return grant.privilege, grant.grantee


def _is_of_column(grant: Grant) -> bool:
    return grant.column is not None
