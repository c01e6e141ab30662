"""A warehouse with the first day's data, to be put back before each case; and what has to hold after it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlflow.api import LoadedProject
from sqlflow.core.ids import NodeId, NodeKind, kind_of
from sqlflow.core.ranges import Range, Ranges, difference
from sqlflow.dialect.environments import Layout
from sqlflow.dialect.names import relation_sql
from sqlflow.dialect.spec import DialectSpec
from sqlflow.state.codec import decode
from sqlflow.state.event import Published, RunFinished, Status
from sqlflow.state.publication import Publication
from tests.apply.projects import Warehouse
from tests.safety.contents import Found, batch_name, find
from tests.safety.injected import ADAPTERS
from tests.safety.subject import Subject

# What is said of a table that holds what nobody is shown.
LEFT_OVER = "was left over, and is not shown"
# A part of the name of the schemas that failed rows are kept in.
_FAILED_ROWS = "_dbt_test__audit"


class StateLoss(StrEnum):
    """What becomes of the state between a build that was disturbed and the next one."""

    KEPT = "kept"
    GONE = "gone"
    OLD = "as of the first day"


@dataclass(frozen=True)
class Day:
    """What an undisturbed build leaves.

    `numbers` has how often each node was published up to then, `ranges` what the models that are built by
    time range cover, `not_done` what the build could not do.
    """

    found: Found
    numbers: Mapping[NodeId, int]
    ranges: Mapping[NodeId, Ranges]
    not_done: frozenset[NodeId]


@dataclass(frozen=True)
class Stage:
    """One engine's warehouse. `reset` puts the first day back, `lose` does something to the state."""

    subject: Subject
    root: Path
    warehouse: Warehouse
    settings: Mapping[str, Any]
    reset: Callable[[], None]
    lose: Callable[[StateLoss], None]
    days: Mapping[int, Day]

    def begin(self) -> None:
        """Puts the first day's warehouse back, and the second day's project into its place."""
        self.reset()
        write(self.subject, self.root, self.warehouse, self.settings, 2)

    def load(self) -> LoadedProject:
        """Loads the project of the second day."""
        return self.subject.load(self.root, 2)

    def as_expected(self, ended: RunFinished) -> bool:
        """Whether a build of the second day ended as it must: one model is stopped, by its test."""
        errors = dict(ended.counts).get(Status.ERROR)
        return frozenset(ended.not_done) == self.days[2].not_done and not errors and not ended.diagnostics

    def made_right(self, loaded: LoadedProject | None = None) -> list[str]:
        """Builds as anybody would after a mishap; says what is not as after an undisturbed second day."""
        loaded = loaded or self.load()
        ended = built(loaded)
        wrong: list[str] = []
        if not self.as_expected(ended):
            wrong = [f"the next build ended with {ended.counts}, {ended.diagnostics}"]
        return [*wrong, *self.wrong(loaded)]

    def torn(self, loaded: LoadedProject) -> list[str]:
        """Says where tables, publish log and state don't go together, whatever a build has got to.

        A table is the second day's if, and only if, the log has its publication, and so is a batch if the
        log says that it is covered. The state may know less than the log, and never more. Where there are
        no transactions, the log may have to say yet what was about to be published.
        """
        out: list[str] = []
        found, log = find(self.subject, self.warehouse), publish_log(self.warehouse)
        first, second = self.days[1], self.days[2]
        batched = dict(_batched(self.subject, found))
        about_to_be = self._about_to_be()
        for node, last in last_ones(log).items():
            if node in about_to_be:
                continue
            published = last.number > first.numbers.get(node, 0)
            day = second if published else first
            place = last.relation
            place = place if '"."' in place else f'"{self.warehouse.schema}".{place}'
            if place in batched:
                for batch in batched[place]:
                    name = batch_name(place, batch)
                    of = second if published and not difference((batch,), last.ranges or ()) else first
                    if found.looks.get(name) != of.found.looks[name]:
                        out.append(f"the log does not say what {name} holds")
            elif not (place in found.tables or last.stage or last.table):
                continue
            elif found.relations[place] != day.found.relations[place]:
                out.append(f"the log does not say what {place} holds")
        known = loaded.state().publications.values()
        out += [f"only the state knows of publication {p.number} of {p.node}" for p in known if p not in log]
        return out

    def wrong(self, loaded: LoadedProject | None = None) -> list[str]:
        """Says what is not as after an undisturbed second day."""
        loaded = loaded or self.load()
        found = find(self.subject, self.warehouse)
        out = _differences(found, self.days[2].found)
        log = publish_log(self.warehouse)
        known = loaded.state().publications
        for publication in last_ones(log).values():
            if known.get((publication.environment, publication.node)) != publication:
                out.append(f"the state does not know of the last publication of {publication.node}")
        out += _published(log, self.days[2])
        out += [f"{node} was about to be published" for node in self._about_to_be()]
        lasts = {publication.stage for publication in last_ones(log).values() if publication.stage}
        if lasts - found.stages:
            out.append(f"{lasts - found.stages} are shown, and not there")
        # One that was shown until this build may still be read.
        shown = {publication.stage for publication in log}
        out += [f"{name} {LEFT_OVER}" for name in sorted(found.stages - shown)]
        if len(found.stages) > 2 * len(lasts):
            out.append(f"too many were left: {sorted(found.stages)}")
        out += self._orphans(found, log)
        if self.warehouse.is_postgres:
            held = self.warehouse.rows("select relation from _sqlflow.leases where holder <> ''")
            out += [f"the lease on {relation} is still held" for (relation,) in held]
        return out

    def _orphans(self, found: Found, log: list[Publication]) -> Iterator[str]:
        """Says which tables by version nobody knows of, and which are known and not there."""
        lasts = last_ones(log).values()
        shown = {relation_sql(self._spec, last.table) for last in lasts if last.table is not None}
        listed: set[str] = set()
        if self.settings.get("layout") == Layout.VIRTUAL:
            listed = {name for (name,) in self.warehouse.rows("select relation from _sqlflow.tables")}
        yield from (f"{name} {LEFT_OVER}, nor listed" for name in sorted(found.versions - shown - listed))
        yield from (f"{name} is shown, and not there" for name in sorted(shown - found.versions))
        yield from (f"{name} is listed, and not there" for name in sorted(listed - found.versions))

    @property
    def _spec(self) -> DialectSpec:
        return ADAPTERS[self.warehouse.target["type"]].spec

    def _about_to_be(self) -> set[NodeId]:
        if self._spec.transactions:
            return set()
        rows = self.warehouse.rows(
            "select node from _sqlflow.publishing as p where number > coalesce((select max(number) "
            "from _sqlflow.publications where node = p.node), 0)"
        )
        return {NodeId(node) for (node,) in rows}


def write(subject: Subject, root: Path, warehouse: Warehouse, settings: Mapping[str, Any], day: int) -> None:
    """Writes the project of a day, on the injected adapter."""
    target = {**warehouse.target, "type": f"injected_{warehouse.target['type']}"}
    subject.write(root, target, settings, day)


def built(loaded: LoadedProject) -> RunFinished:
    """Builds in this process."""
    last = list(loaded.build())[-1]
    assert isinstance(last, RunFinished)
    return last


def undisturbed(
    subject: Subject, root: Path, warehouse: Warehouse, settings: Mapping[str, Any]
) -> Mapping[int, Day]:
    """Builds both days undisturbed; gives what they leave."""
    days: dict[int, Day] = {}
    for day in (1, 2):
        write(subject, root, warehouse, settings, day)
        loaded = subject.load(root, day)
        ended = built(loaded)
        assert not ended.diagnostics, ended
        undone = {node.rpartition(".")[2] for node in ended.not_done if kind_of(node) is not NodeKind.TEST}
        assert undone == (subject.stopped if day == 2 else set()), ended
        log = publish_log(warehouse)
        days[day] = Day(
            found=find(subject, warehouse),
            numbers=_numbers(log),
            ranges=_ranges(log),
            not_done=frozenset(ended.not_done),
        )
    first, second = days[1].found, days[2].found
    # Whatever the first day has, the second one has too: an onlooker must never miss it.
    assert first.looks.keys() <= second.looks.keys()
    batches = [batch_name(place, batch) for place, ranges in _batched(subject, first) for batch in ranges]
    assert {*batches} <= first.looks.keys()
    assert len(batches) == sum(len(ranges) for _, ranges in subject.batches.values())
    assert not [name for name in {**first.relations, **second.relations} if "__sqlflow" in name]
    # Failed rows may be the same: a test of every day tells of them. All else differs, batch by batch.
    same = {name for name, contents in first.looks.items() if second.looks[name] == contents}
    named = {name.split('"')[3] for name in same if _FAILED_ROWS not in name}
    assert named <= subject.same, named
    return days


def copied(source: Path, target: Path) -> None:
    """Makes a folder a copy of another one."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def publish_log(warehouse: Warehouse) -> list[Publication]:
    """Reads the publish log."""
    out: list[Publication] = []
    for (text,) in warehouse.rows("select publication from _sqlflow.publications order by number"):
        event = decode(text)
        assert isinstance(event, Published)
        out.append(event.publication)
    return out


def last_ones(log: list[Publication]) -> Mapping[NodeId, Publication]:
    """Gives each node's last publication."""
    return {publication.node: publication for publication in log}


def _numbers(log: list[Publication]) -> Mapping[NodeId, int]:
    return {node: publication.number for node, publication in last_ones(log).items()}


def _ranges(log: list[Publication]) -> Mapping[NodeId, Ranges]:
    return {node: found.ranges for node, found in last_ones(log).items() if found.ranges is not None}


def _published(log: list[Publication], right: Day) -> list[str]:
    """Compares the publish log with an undisturbed one: each node was published once a day, not twice."""
    counted = Counter((publication.node, publication.number) for publication in log)
    out = [f"{node} was published {n} times as number {i}" for (node, i), n in counted.items() if n > 1]
    ranges, numbers = _ranges(log), _numbers(log)
    for node in right.numbers.keys() | numbers.keys():
        if ranges.get(node) != right.ranges.get(node):
            out.append(f"{node} covers {ranges.get(node)}, and not {right.ranges.get(node)}")
        # Batches that are looked back at are built again by the build that goes on.
        if node not in ranges and numbers.get(node) != right.numbers.get(node):
            out.append(f"{node} was published {numbers.get(node)} times, and not {right.numbers.get(node)}")
    return out


def _batched(subject: Subject, found: Found) -> Iterator[tuple[str, tuple[Range, ...]]]:
    """Gives the tables that are published in batches, each with these."""
    for place in found.relations:
        _, ranges = subject.batches.get(place.split('"')[3], ("", ()))
        if ranges:
            yield place, ranges


def _differences(found: Found, right: Found) -> list[str]:
    out = [f"{name} was left over" for name in found.relations.keys() - right.relations.keys()]
    for name, contents in right.relations.items():
        there = found.relations.get(name)
        if there is None:
            out.append(f"{name} is missing")
        elif there != contents:
            out.append(f"{name} holds {there.rows} rows, {contents.rows} are right")
    out += [f"{what} is too much" for what in sorted(found.structure - right.structure)]
    out += [f"{what} is lacking" for what in sorted(right.structure - found.structure)]
    return out
