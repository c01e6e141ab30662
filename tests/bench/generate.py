"""Generates a project of N models that builds: `python -m tests.bench.generate --models 100 FOLDER`.

The same number, seed and dialect give the same bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.bench.macros import BASE_COUNT, BASE_FILES, Band, bands
from tests.bench.properties import model_properties, project_settings, seed_properties, source_properties
from tests.bench.rawdata import csv_text
from tests.bench.shapes import DOMAINS, ENTITIES, SYSTEMS, Entity
from tests.bench.writers import Model, QueryWriter, python_text, staging_text

_DEEPEST = 6
_VERBS = ("enriched", "joined", "sequenced", "measured", "weighted", "matched", "scored", "prepared")


class Generator:
    """Makes the files of one project; `files` is the result, by path."""

    def __init__(self, models: int, seed: int, dialect: str) -> None:
        self.random = Random(f"sqlflow {models} {seed}")
        self.dialect = dialect
        self.count = models
        self.files: dict[str, str] = {}
        self.staging: list[Model] = []
        self.intermediate: list[Model] = []
        self.marts: list[Model] = []
        self.used: set[str] = set()
        self.bands: tuple[Band, ...] = ()

    def run(self) -> dict[str, str]:
        """Makes everything."""
        self._write_macros()
        n_staging = max(len(ENTITIES), round(self.count * 0.3))
        n_marts = max(2, round(self.count * 0.25))
        self._write_staging(min(n_staging, self.count - n_marts - 1))
        for number in range(self.count - n_marts - len(self.staging)):
            self.intermediate.append(self._intermediate(number))
        for number in range(n_marts):
            self.marts.append(self._mart(number))
        everything = [*self.staging, *self.intermediate, *self.marts]
        for model in everything:
            suffix = "py" if model.is_python else "sql"
            self.files[f"models/{model.folder}/{model.name}.{suffix}"] = model.text
        self.files |= model_properties(everything, self.random)
        self.files["sqlflow.yml"] = project_settings(self.dialect, sorted(self._domains()))
        self._write_singular_tests()
        return dict(sorted(self.files.items()))

    def _domains(self) -> set[str]:
        return {self._domain(number) for number in range(self.count)}

    def _domain(self, number: int) -> str:
        many = max(2, min(60, self.count // 30))
        slot = number % many
        name = DOMAINS[slot % len(DOMAINS)]
        return name if slot < len(DOMAINS) else f"{name}_{slot // len(DOMAINS) + 1}"

    def _write_macros(self) -> None:
        wanted = min(100, 20 + self.count // 12)
        self.bands, texts = bands(max(4, wanted - BASE_COUNT), self.random)
        self.files |= {f"macros/{name}.sql": text for name, text in (BASE_FILES | texts).items()}

    def _write_staging(self, count: int) -> None:
        """Staging models, a system of eight entities after the other; every seventh table is a seed."""
        tables: dict[str, list[tuple[Entity, str]]] = {}
        seeds: list[tuple[str, Entity]] = []
        for number in range(count):
            entity = ENTITIES[number % len(ENTITIES)]
            turn = number // len(ENTITIES)
            system = SYSTEMS[turn % len(SYSTEMS)] + (
                f"_{turn // len(SYSTEMS) + 1}" if turn >= len(SYSTEMS) else ""
            )
            if number % 7 == 3 and len(seeds) < 12:
                seed = f"{system}_{entity.plural}"
                seeds.append((seed, entity))
                self.files[f"seeds/{seed}.csv"] = csv_text(entity, self.random)
                source = f"{{{{ ref('{seed}') }}}}"
            else:
                path = f"data/{entity.plural}_{turn % 3 + 1}.csv"
                if path not in self.files:
                    self.files[path] = csv_text(entity, self.random)
                tables.setdefault(system, []).append((entity, path))
                source = f"{{{{ source('{system}', '{entity.plural}') }}}}"
            self.staging.append(self._staging(entity, system, source))
        self.files |= source_properties(tables)
        self.files["seeds/seeds.yml"] = seed_properties(seeds)

    def _staging(self, entity: Entity, system: str, source: str) -> Model:
        text, columns = staging_text(entity, source, self.random, self.bands)
        ephemeral = len(self.staging) % 13 == 5
        head = "{{ config(materialized='ephemeral') }}\n\n" if ephemeral else ""
        return Model(
            name=f"stg_{system}__{entity.plural}", folder=f"staging/{system}", entity=entity.name,
            key=entity.id, columns=columns, text=head + text,
            materialized="ephemeral" if ephemeral else "view", views=1,
            description=f"The {entity.plural} of {system}, one row per {entity.name}.",
        )  # fmt: skip

    def _intermediate(self, number: int) -> Model:
        domain = self._domain(number)
        parents = self._parents(domain, [*self.staging, *self.intermediate], late=0.6)
        writer = QueryWriter(parents, self.random, self.bands)
        base, key = parents[0], parents[0].key
        if self.random.random() < 0.3 and base.key != "store_id":
            key = self.random.choice([name for name in base.ids if name != base.key] or ["store_id"])
            writer.grouped(key)
            entity, verb = key.removesuffix("_id"), "summed"
            window = key if key == "store_id" else "store_id"
        else:
            writer.rows()
            entity, verb = base.entity, self.random.choice(_VERBS)
            window = self.random.choice([name for name in base.ids if name != base.key] or [base.ids[0]])
        writer.join_others()
        writer.windows(window)
        text, columns = writer.finish()
        materialized = self._materialized(parents)
        return Model(
            name=self._name(f"int_{domain}__{entity}_{verb}"), folder=f"intermediate/{domain}",
            entity=entity, key=key, columns=columns, text=_head(materialized) + text,
            materialized=materialized,
            description=f"One row per {entity}, {verb} for {domain.replace('_', ' ')}.",
            depth=1 + max(parent.depth for parent in parents),
            views=0 if materialized == "table" else 1 + max(parent.views for parent in parents),
        )  # fmt: skip

    def _materialized(self, parents: Sequence[Model]) -> str:
        """Tables, but for some that stand close to the raw data: views on views cost at every read."""
        drawn = self.random.random()
        if max(parent.views for parent in parents) > 1 or drawn < 0.5:
            return "table"
        return "ephemeral" if drawn > 0.95 else "view"

    def _mart(self, number: int) -> Model:
        domain = self._domain(number)
        parents = self._parents(domain, self.intermediate, late=0.9)
        if number % 12 == 1:
            return self._python_mart(domain, parents[0])
        dated = [parent for parent in parents if parent.date is not None]
        drawn = number % 9
        if dated and drawn in (0, 4, 5, 8):
            base = self.random.choice(dated)
            parents = [base, *(parent for parent in parents if parent is not base)]
            make = self._monthly_mart if drawn in (0, 5) else self._fact
            return make(domain, parents, incremental=drawn in (0, 4))
        return self._dimension(domain, parents)

    def _monthly_mart(self, domain: str, parents: list[Model], *, incremental: bool) -> Model:
        base = parents[0]
        key = self.random.choice(base.ids)
        writer = QueryWriter(parents, self.random, self.bands)
        since = _since(f"{{{{ month_of('{base.date}') }}}}", "month_start", ">=") if incremental else ""
        writer.grouped(key, month=True, incremental=since)
        unique = f"{key.removesuffix('_id')}_month_key"
        strategy = self.random.choice(("delete+insert", "merge"))
        config = f"materialized='incremental', incremental_strategy='{strategy}', unique_key='{unique}'"
        noun = key.removesuffix("_id")
        return self._finish_mart(
            writer, parents, key, self._name(f"rpt_{domain}__{noun}_{base.entity}_months"), domain,
            entity=f"{noun}_month", unique=unique, config=config if incremental else "",
            description=f"One row per {noun} and month, from each {base.entity}.",
        )  # fmt: skip

    def _fact(self, domain: str, parents: list[Model], *, incremental: bool) -> Model:
        base = parents[0]
        writer = QueryWriter(parents, self.random, self.bands)
        strategy = self.random.choice(("append", "delete+insert", "merge"))
        compare = ">" if strategy == "append" else ">="
        writer.rows(incremental=_since(str(base.date), str(base.date), compare) if incremental else "")
        config = f"materialized='incremental', incremental_strategy='{strategy}'"
        config += (
            ""
            if strategy == "append"
            else f", unique_key='{base.key}', on_schema_change='append_new_columns'"
        )
        return self._finish_mart(
            writer, parents, self.random.choice(base.ids), self._name(f"fct_{domain}__{base.entity}"), domain,
            entity=base.entity, unique=base.key, config=config if incremental else "",
            description=f"One row per {base.entity}, with all that {domain.replace('_', ' ')} asks about it.",
        )  # fmt: skip

    def _dimension(self, domain: str, parents: list[Model]) -> Model:
        key = self.random.choice(parents[0].ids)
        noun = key.removesuffix("_id")
        writer = QueryWriter(parents, self.random, self.bands)
        writer.grouped(key)
        return self._finish_mart(
            writer, parents, key, self._name(f"dim_{domain}__{noun}"), domain,
            entity=noun, unique=key, config="",
            description=f"One row per {noun}, with its figures in {domain.replace('_', ' ')}.",
        )  # fmt: skip

    def _finish_mart(
        self, writer: QueryWriter, parents: list[Model], window: str, name: str, domain: str, *,
        entity: str, unique: str, config: str, description: str,
    ) -> Model:  # fmt: skip
        writer.join_others()
        writer.windows(window)
        text, columns = writer.finish()
        tags = ("daily",) if self.random.random() < 0.3 else ()
        settings = ", ".join([part for part in (config, f"tags={list(tags)!r}" if tags else "") if part])
        head = f"{{{{ config({settings}) }}}}\n\n" if settings else ""
        return Model(
            name=name, folder=f"marts/{domain}", entity=entity, key=unique, columns=columns, text=head + text,
            materialized="incremental" if config else "table", description=description, tags=tags,
            depth=1 + max(parent.depth for parent in parents),
        )  # fmt: skip

    def _python_mart(self, domain: str, parent: Model) -> Model:
        parent = parent if parent.materialized != "ephemeral" else self.staging[0]
        key = self.random.choice(parent.ids)
        name = self._name(f"rpt_{domain}__{key.removesuffix('_id')}_peaks")
        text, columns = python_text(name, parent, key)
        return Model(
            name=name, folder=f"marts/{domain}", entity=key.removesuffix("_id"), key=key, columns=columns,
            text=text, materialized="table", is_python=True,
            description=f"Peaks by {key.removesuffix('_id')}, by pyarrow.", depth=parent.depth + 1,
        )  # fmt: skip

    def _parents(self, domain: str, pool: Sequence[Model], *, late: float) -> list[Model]:
        """Draws two to four parents, most of them of the same domain or from before it."""
        usable = [model for model in pool if model.depth < _DEEPEST]
        near = [model for model in usable if model.folder.endswith(f"/{domain}")]
        raw = [model for model in usable if model.depth == 1]
        drawn: list[Model] = []
        wanted = self.random.choices((2, 3, 4), (5, 3, 2))[0]
        while len(drawn) < wanted:
            from_near = near if self.random.random() < late and near else raw or usable
            choice = self.random.choice(from_near if self.random.random() < 0.9 else usable)
            if choice not in drawn or len(usable) < wanted:
                drawn.append(choice)
        return drawn

    def _name(self, name: str) -> str:
        number, free = 1, name
        while free in self.used:
            number, free = number + 1, f"{name}_{number + 1}"
        self.used.add(free)
        return free

    def _write_singular_tests(self) -> None:
        for number, model in enumerate(self.marts[:: max(1, len(self.marts) // max(1, self.count // 40))]):
            query = f"select *\nfrom {{{{ ref('{model.name}') }}}}\nwhere {model.key} is null"
            self.files[f"tests/assert_{number + 1}_{model.name}.sql"] = (
                f"-- No row without its key.\n{query}\n"
            )


def _head(materialized: str) -> str:
    return "" if materialized == "table" else f"{{{{ config(materialized='{materialized}') }}}}\n\n"


def _since(expression: str, column: str, compare: str) -> str:
    """The condition of an incremental run; the raw data have no row without a date."""
    return (
        "\n{% if is_incremental() -%}\n"
        f"where {expression} {compare} (select max({column}) from {{{{ this }}}})\n"
        "{%- endif %}"
    )


def generate(models: int, *, seed: int = 1, dialect: str = "duckdb") -> dict[str, str]:
    """Gives the files of a project of so many models, by their paths; needs at least 12 models."""
    if models < 12:
        raise ValueError("a generated project has at least 12 models")
    return Generator(models, seed, dialect).run()


def write(folder: Path, files: dict[str, str]) -> None:
    """Writes the files below a folder."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.generate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=("duckdb", "postgres"), default="duckdb")
    arguments = parser.parse_args()
    files = generate(arguments.models, seed=arguments.seed, dialect=arguments.dialect)
    write(arguments.folder, files)
    print(f"{arguments.models} models, {len(files)} files in {arguments.folder}")


if __name__ == "__main__":
    main()
