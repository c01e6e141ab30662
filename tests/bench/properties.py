"""The YAML files of a generated project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from tests.bench.shapes import Column, Entity, raw_name
from tests.bench.writers import Model

_TARGETS = {
    "duckdb": "    type: duckdb\n    path: generated.duckdb\n    schema: main\n    threads: 4\n",
    "postgres": (
        "    type: postgres\n"
        "    host: \"{{ env_var('PGHOST', '127.0.0.1') }}\"\n"
        "    port: \"{{ env_var('PGPORT', '5432') | as_number }}\"\n"
        "    user: \"{{ env_var('PGUSER', 'postgres') }}\"\n"
        "    dbname: \"{{ env_var('PGDATABASE', 'postgres') }}\"\n"
        "    schema: generated\n    threads: 4\n"
    ),
}


def project_settings(dialect: str, domains: Iterable[str]) -> str:
    """Writes sqlflow.yml: one target, variables, settings by folder."""
    folders = "".join(f"    {domain}:\n      +tags: [{domain}]\n" for domain in domains)
    return (
        f"name: generated\ndialect: {dialect}\ntarget: dev\n\ntargets:\n  dev:\n{_TARGETS[dialect]}\n"
        'vars:\n  start_date: "2020-01-01"\n\n'
        "models:\n  staging:\n    +materialized: view\n    +tags: [staging]\n"
        "  intermediate:\n    +materialized: table\n    +tags: [intermediate]\n"
        f"{folders}"
        "  marts:\n    +materialized: table\n    +schema: marts\n    +tags: [marts]\n"
        f"{folders}"
    )


def source_properties(tables: dict[str, list[tuple[Entity, str]]]) -> dict[str, str]:
    """Writes a file of sources for each system."""
    files: dict[str, str] = {}
    for system, found in tables.items():
        lines = [
            "version: 2",
            "",
            "sources:",
            f"  - name: {system}",
            f"    description: The files of {system}.",
        ]
        lines.append("    tables:")
        for entity, path in found:
            lines += [f"      - name: {entity.plural}", f"        location: {path}"]
            lines += [f"        description: The {entity.plural} as they came.", "        columns:"]
            for column in entity.columns:
                lines += [f"          - name: {raw_name(column.name, entity)}"]
                lines += [f"            description: {column.description}"]
        files[f"models/staging/{system}/_{system}__sources.yml"] = "\n".join(lines) + "\n"
    return files


def seed_properties(seeds: Sequence[tuple[str, Entity]]) -> str:
    """Writes the properties of the seeds, with the types of their columns."""
    lines = ["version: 2", "", "seeds:"]
    types = {"id": "bigint", "int": "bigint", "amount": "bigint", "date": "date"}
    for seed, entity in seeds:
        lines += [f"  - name: {seed}", f"    description: The {entity.plural} as they were written down."]
        lines += ["    config:", "      column_types:"]
        for column in entity.columns:
            lines.append(f"        {raw_name(column.name, entity)}: {types.get(column.kind, 'varchar')}")
        lines.append("    columns:")
        for column in entity.columns:
            lines += [
                f"      - name: {raw_name(column.name, entity)}",
                f"        description: {column.description}",
            ]
    return "\n".join(lines) + "\n"


def model_properties(models: Sequence[Model], random: Random) -> dict[str, str]:
    """Writes a properties file for each folder: every column described, about three tests to two models."""
    by_name = {model.name: model for model in models}
    folders: dict[str, list[Model]] = {}
    for model in models:
        folders.setdefault(model.folder, []).append(model)
    files: dict[str, str] = {}
    for folder, found in folders.items():
        lines = ["version: 2", "", "models:"]
        for model in found:
            lines += [f"  - name: {model.name}", f"    description: {model.description}", "    columns:"]
            tested = _Tests(model, by_name, random)
            for column in model.columns:
                lines += [f"      - name: {column.name}", f"        description: {column.description}"]
                lines += tested.lines(column)
        files[f"models/{folder}/_{folder.rpartition('/')[2]}__models.yml"] = "\n".join(lines) + "\n"
    return files


class _Tests:
    """Draws the tests of one model's columns; an ephemeral model has none."""

    def __init__(self, model: Model, others: dict[str, Model], random: Random) -> None:
        self.model = model
        self.others = others
        self.random = random
        self.related = False

    def lines(self, column: Column) -> list[str]:
        """Gives the lines of a column's tests."""
        drawn = self.random.random()
        if self.model.materialized == "ephemeral":
            return []
        if column.name == self.model.key:
            return ["        tests: [unique, not_null]"] if drawn < 0.4 else ["        tests: [not_null]"]
        if column.values and drawn < 0.08:
            lines = ["        tests:", "          - accepted_values:"]
            lines.append(f"              values: [{', '.join(column.values)}]")
            return lines + (
                ["              config:", "                severity: warn"] if drawn < 0.03 else []
            )
        parent = self._parent(column)
        if column.kind == "id" and parent and not self.related and drawn < 0.1:
            self.related = True
            lines = [
                "        tests:",
                "          - relationships:",
                f"              to: ref('{parent.name}')",
            ]
            return [*lines, f"              field: {column.name}"]
        return []

    def _parent(self, column: Column) -> Model | None:
        """The staging model of the same system, or of the first, that a key refers to."""
        plural = f"{column.name.removesuffix('_id')}s"
        system = self.model.folder.rpartition("/")[2]
        found = self.others.get(f"stg_{system}__{plural}") or self.others.get(f"stg_shop__{plural}")
        return found if found is not None and found.materialized != "ephemeral" else None
