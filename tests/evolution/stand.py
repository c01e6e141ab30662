"""A project and its warehouse, DuckDB in a folder of its own: builds, what they did, what is there."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

import sqlflow
from sqlflow.api import LoadedProject
from sqlflow.core.ids import NodeId
from sqlflow.dialect.environments import PROD
from sqlflow.plan.saved import decode_plan, encode_plan
from sqlflow.system.memory import MemorySystem
from tests.evolution.data import Data, csv, fill
from tests.evolution.project import FILE_PATH, SOURCES, UNTOLD, Project

# More rows than that are the product of joins over joins, which only take time.
MOST_ROWS = 4000
_DONE = (sqlflow.Status.SUCCESS, sqlflow.Status.WARN)


class Contents(NamedTuple):
    """What is in a table or view: names and types of columns, and how often there is each row."""

    columns: tuple[tuple[str, str], ...]
    rows: Counter[tuple[object, ...]]


class Ended(NamedTuple):
    """How a run ended: whether all of it was done, which nodes were built, and what went wrong."""

    ok: bool
    built: frozenset[str]
    unchanged: frozenset[str]
    wrong: str


class Stand:
    """A folder with a DuckDB file; the project's files are in memory, but for the one that DuckDB reads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = str(root / "w.duckdb")
        self._loaded: dict[str, tuple[dict[str, str], LoadedProject]] = {}

    def load(self, project: Project, data: Data, environment: str = PROD) -> LoadedProject:
        """Compiles a project for an environment, if it is not the one that was compiled last for that."""
        files = {**project.files(self.path), FILE_PATH: csv(data)}
        last = self._loaded.get(environment)
        if last is None or last[0] != files:
            system = MemorySystem(files, root=str(self.root))
            last = self._loaded[environment] = files, sqlflow.load(system=system, environment=environment)
        return last[1]

    def fill(self, data: Data, sources: tuple[str, ...] = SOURCES) -> None:
        """Puts rows into the sources."""
        (self.root / FILE_PATH).parent.mkdir(exist_ok=True)
        (self.root / FILE_PATH).write_text(csv(data))
        with closing(duckdb.connect(self.path)) as connection:
            fill(connection, data, sources)

    def build(self, loaded: LoadedProject, select: Sequence[str] = ()) -> Ended:
        """Builds what is selected, or all."""
        return _ended(loaded.build(select, threads=1))

    def apply_saved(self, loaded: LoadedProject, select: Sequence[str] = ()) -> Ended:
        """Plans, keeps the plan as text, reads it back and applies it."""
        saved = loaded.review(select).saved
        return _ended(loaded.apply_saved(decode_plan(encode_plan(saved, {})), threads=1))

    def contents(self, project: Project, environment: str = PROD) -> dict[str, Contents | str]:
        """Reads the table or view of each model; gives the message where that fails."""
        schema = "main" if environment == PROD else f"main__{environment}"
        found: dict[str, Contents | str] = {}
        with closing(duckdb.connect(self.path)) as connection:
            for model in project.models:
                if model.materialized == "ephemeral":
                    continue
                try:
                    result = connection.execute(f"select * from {schema}.{model.name} limit {MOST_ROWS + 1}")
                    columns = tuple((d[0], str(d[1])) for d in result.description)
                    found[model.name] = Contents(columns, Counter(result.fetchall()))
                except duckdb.Error as error:
                    found[model.name] = str(error).splitlines()[0]
        return found


def _ended(events: Iterator[sqlflow.Event]) -> Ended:
    built: set[str] = set()
    unchanged: set[str] = set()
    wrong: list[str] = []
    ok = False
    for event in events:
        match event:
            case sqlflow.NodeFinished():
                if event.kind != "test" and event.status in _DONE:
                    built.add(event.name)
                elif event.kind != "test" and event.status is sqlflow.Status.UNCHANGED:
                    unchanged.add(event.name)
                wrong += [f"{event.name}: {d.message}" for d in event.diagnostics if d.is_error]
            case sqlflow.Unchanged():
                unchanged |= {node.rpartition(".")[2] for node in event.nodes}
            case sqlflow.RunFinished():
                ok = event.ok
                wrong += [d.message for d in event.diagnostics if d.is_error]
            case _:
                pass
    return Ended(ok, frozenset(built), frozenset(unchanged), "; ".join(wrong))


@contextmanager
def stand() -> Iterator[Stand]:
    """Gives an empty warehouse for a while."""
    root = Path(tempfile.mkdtemp(prefix="evolution"))
    try:
        yield Stand(root)
    finally:
        shutil.rmtree(root)


class Rebuilt(NamedTuple):
    """What a project gives when it is built from nothing."""

    ended: Ended
    contents: dict[str, Contents | str]

    @property
    def is_large(self) -> bool:
        """Whether anything has more rows than are looked at."""
        return any(not isinstance(c, str) and c.rows.total() > MOST_ROWS for c in self.contents.values())


def rebuilt(place: Stand, loaded: LoadedProject, project: Project, data: Data) -> Rebuilt:
    """Builds a compiled project where there is nothing but the sources.

    It is compiled for one folder: so that is put aside for as long.
    """
    aside = place.root.with_name(place.root.name + "_aside")
    place.root.rename(aside)
    try:
        place.root.mkdir()
        place.fill(data)
        ended = _ended(loaded.build(threads=1))
        return Rebuilt(ended, place.contents(project))
    finally:
        shutil.rmtree(place.root)
        aside.rename(place.root)


def left_to_do(loaded: LoadedProject, project: Project) -> list[str]:
    """Says what a plan right after a whole build would do.

    Left out is what reads a source that tells nothing, and tests that warned: they run again until they pass.
    """
    always = project.below(frozenset({UNTOLD}))
    review, ended = loaded.review().review, loaded.state().nodes
    warned = {one.node for one in review.work if _last(ended, one.node) is sqlflow.Status.WARN}
    found = [f"{change.name} is a change" for change in review.changes]
    for work in review.work:
        of_always = any(name in work.name for name in always)
        excused = (of_always or work.node in warned) if work.kind == "test" else work.name in always
        if not excused:
            found.append(f"{work.name}: {work.reason}")
    return found


def _last(ended: Mapping[Any, Any], node: NodeId) -> sqlflow.Status | None:
    """How a node last ended; the key is the node, or that with its environment before it."""
    keys = (key for key in ended if key == node or key[-1] == node)
    return next((ended[key].status for key in keys), None)


def difference(left: Contents | str | None, right: Contents | str | None) -> str:
    """Says how what is there differs from what should be there; empty where it does not."""
    if left == right:
        return ""
    if left is None or right is None or isinstance(left, str) or isinstance(right, str):
        return f"there is {_shown(left)}, and should be {_shown(right)}"
    if left.columns != right.columns:
        return f"columns are {left.columns}, and should be {right.columns}"
    more, less = left.rows - right.rows, right.rows - left.rows
    return f"too many: {_cut(more)}; missing: {_cut(less)}"


def _shown(contents: Contents | str | None) -> str:
    return repr(contents) if isinstance(contents, str) else "nothing" if contents is None else "a table"


def _cut(rows: Counter[tuple[object, ...]]) -> str:
    shown = ", ".join(str(tuple(map(str, row))) for row in list(rows)[:4])
    return f"{rows.total()} ({shown}{', ...' if len(rows) > 4 else ''})"
