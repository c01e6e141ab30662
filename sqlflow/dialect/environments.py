"""Environments: the sets of names that one project has in one warehouse."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sqlflow.core.digest import short_digest
from sqlflow.core.relation import Relation
from sqlflow.dialect.names import shorten
from sqlflow.dialect.spec import DialectSpec

# The environment whose tables and views have plain names.
PROD = "prod"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}\Z")
# Beside a schema lies the one that holds its tables, where environments are views on them.
_PHYSICAL = "__physical"
_DIGITS = 12


class Layout(StrEnum):
    """How a node lies in the warehouse.

    DIRECT: as a table or view of its own name. VIRTUAL: tables by version, which all environments share, and
    in each environment a view on the one that is its.
    """

    DIRECT = "direct"
    VIRTUAL = "virtual"


class Naming(StrEnum):
    """Where an environment's name stands in the names of what is its."""

    SUFFIX = "suffix"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment by its name."""

    name: str = PROD
    layout: Layout = Layout.DIRECT
    naming: Naming = Naming.SUFFIX

    @property
    def is_prod(self) -> bool:
        """Whether its names are the plain ones."""
        return self.name == PROD

    @property
    def is_virtual(self) -> bool:
        """Whether its tables are views on tables by version."""
        return self.layout is Layout.VIRTUAL

    def relation(self, spec: DialectSpec, plain: Relation) -> Relation:
        """Gives the name that a relation of the project has in it."""
        if self.is_prod:
            return plain
        schema = plain.schema or spec.default_schema
        if self.naming is Naming.PREFIX:
            return plain._replace(schema=shorten(spec, f"{self.name}__{schema}"))
        return plain._replace(schema=shorten(spec, schema, f"__{self.name}"))


PLAIN = Environment()


def is_environment_name(name: str) -> bool:
    """Whether an environment can have that name: it becomes a part of names in every engine."""
    return _NAME.match(name) is not None


def physical_name(spec: DialectSpec, plain: Relation, *unique: str) -> Relation:
    """Names a new table of a node that has the `plain` name in prod; `unique` tells it from its others."""
    schema = shorten(spec, plain.schema or spec.default_schema, _PHYSICAL)
    digits = short_digest("\n".join((str(plain), *unique)), _DIGITS)
    return Relation(plain.database, schema, shorten(spec, plain.identifier, f"__{digits}"))
