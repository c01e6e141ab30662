"""The dialect that the models are written in, and the one that they are compiled to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlflow.bind.catalog import DescribeFile, FileColumns
from sqlflow.bind.translate.translate import Translator
from sqlflow.core.relation import Column
from sqlflow.dialect.pairs import Pair, load_pair
from sqlflow.dialect.rules import TypeRules, load_rules
from sqlflow.dialect.spec import DialectSpec
from sqlflow.project.catalog import Catalog, CatalogTables


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """Names and types are bound in `source`, whose `rules` these are.

    `translator`, and what is known of the `pair`, are None where both are one dialect.
    """

    source: DialectSpec
    target: DialectSpec
    rules: TypeRules | None
    pair: Pair | None
    translator: Translator | None

    def is_known(self, function: str) -> bool:
        """Whether the source's engine has a function of that name by itself."""
        return self.rules is not None and self.rules.has_function(function)

    def describing(self, describe: DescribeFile) -> DescribeFile:
        """Has the columns of files told in the source's types; an unknown type stays one."""
        if self.pair is None:
            return describe

        def described(
            path: str, delimiter: str, types: Mapping[str, str], in_place: bool
        ) -> FileColumns | None:
            found = describe(path, delimiter, types, in_place)
            if found is None:
                return None
            # What the project declares is in its own words.
            own = set(types.values())
            columns = (
                c if not c.type or c.type in own else Column(c.name, self._type(c.type))
                for c in found.columns
            )
            return replace(found, columns=tuple(columns))

        return described

    def pulled(self, catalog: Catalog) -> CatalogTables:
        """Gives what warehouses told of sources: the target's, else one of the models' own dialect."""
        told = catalog.tables(self.target.name)
        if self.pair is None:
            return told
        translated = {
            key: tuple(column._replace(type=self._type(column.type)) for column in columns)
            for key, columns in told.items()
        }
        return {**catalog.tables(self.source.name), **translated}

    def _type(self, written: str) -> str:
        found = self.pair.type_of(written) if self.pair is not None else written
        # The name of the dialect before it keeps it from being taken for a type of the other.
        return found or f"{self.target.name} {written}"


def make_languages(source: DialectSpec, target: DialectSpec) -> Languages:
    """Reads what is known of a dialect, and of writing it in another."""
    rules = load_rules(source)
    if source.name == target.name:
        return Languages(source=source, target=target, rules=rules, pair=None, translator=None)
    pair = load_pair(source.name, target.name)
    translator = Translator(source, target, pair, rules)
    return Languages(source=source, target=target, rules=rules, pair=pair, translator=translator)
