"""A warehouse with the first day's data, to be put back before each case; and what has to hold after it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from sqlflow.state.codec import decode
from sqlflow.state.event import Published, RunFinished
from sqlflow.state.state import State
from tests.apply.projects import Warehouse
from tests.safety import shop

Contents: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Stage:
    """One engine's warehouse. `reset` puts the first day back; `days` has what each table then holds."""

    root: Path
    warehouse: Warehouse
    settings: Mapping[str, Any]
    reset: Callable[[], None]
    days: Mapping[int, Mapping[str, Contents]]

    def write(self, day: int) -> None:
        """Writes the project of a day."""
        write(self.root, self.warehouse, self.settings, day)

    def wrong(self) -> list[str]:
        """Says what is not as after an undisturbed second day."""
        out: list[str] = []
        found = contents(self.warehouse)
        for table, expected in self.days[2].items():
            if found.get(table) != expected:
                out.append(f"{table} holds {len(found.get(table, ()))} rows, {len(expected)} are right")
        left = [name for name in self.warehouse.names() if "__sqlflow" in name]
        out += [f"{name} was left over" for name in left]
        state = shop.load(self.root).state()
        out += _not_the_log(state, self.warehouse)
        covered = [pub.ranges for (_, node), pub in state.publications.items() if node.endswith(".ranged")]
        if not covered or not covered[0] or len(covered[0]) != 1 or covered[0][0].start != shop.BEGIN:
            out.append(f"the covered range is {covered}")
        if self.warehouse.is_postgres:
            held = self.warehouse.rows("select relation from _sqlflow.leases where holder <> ''")
            out += [f"the lease on {relation} is still held" for (relation,) in held]
        return out


def write(root: Path, warehouse: Warehouse, settings: Mapping[str, Any], day: int) -> None:
    """Writes the project of a day, on the injected adapter."""
    target = {**warehouse.target, "type": f"injected_{warehouse.target['type']}"}
    shop.write(root, target, settings, day)


def contents(warehouse: Warehouse) -> dict[str, Contents]:
    """Gives what each table and view holds that is there."""
    names = warehouse.names()
    with closing(warehouse.connect()) as connection:
        return {
            table: shop.kept(connection.execute(shop.contents_sql(table)).fetchall())
            for table in (*shop.TABLES, *shop.VIEWS)
            if table in names
        }


def built(root: Path) -> RunFinished:
    """Builds in this process, undisturbed."""
    events = list(shop.load(root).build())
    last = events[-1]
    assert isinstance(last, RunFinished)
    return last


def as_expected(ended: RunFinished) -> bool:
    """Whether a build of the second day ended as it must: one model is stopped, by its test."""
    failed = {node.rpartition(".")[2] for node in ended.not_done}
    return failed == {shop.STOPPED, "guarded_is_small"} and not ended.diagnostics


def first_days(
    root: Path, warehouse: Warehouse, settings: Mapping[str, Any]
) -> dict[int, dict[str, Contents]]:
    """Builds both days undisturbed; gives what the tables then hold."""
    days: dict[int, dict[str, Contents]] = {}
    for day in (1, 2):
        write(root, warehouse, settings, day)
        ended = built(root)
        assert ended.ok if day == 1 else as_expected(ended), ended
        days[day] = contents(warehouse)
        assert set(days[day]) == {*shop.TABLES, *shop.VIEWS}
    changed = [table for table in days[1] if days[1][table] != days[2][table]]
    assert set(days[1]) - set(changed) == {shop.STOPPED}
    return days


def copied(source: Path, target: Path) -> None:
    """Makes a folder a copy of another one."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def _not_the_log(state: State, warehouse: Warehouse) -> list[str]:
    """Compares what the state knows with what the publish log says."""
    rows = warehouse.rows("select publication from _sqlflow.publications order by number")
    last: dict[str, Any] = {}
    numbers: set[tuple[str, int]] = set()
    out: list[str] = []
    for (text,) in rows:
        event = decode(text)
        assert isinstance(event, Published)
        publication = event.publication
        key = publication.node, publication.number
        if key in numbers:
            out.append(f"{publication.node} was published twice as number {publication.number}")
        numbers.add(key)
        last[publication.node] = publication
    for node, publication in last.items():
        if state.publications.get((publication.environment, node)) != publication:
            out.append(f"the state does not know of the last publication of {node}")
    return out
