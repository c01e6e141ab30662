"""The settings of snapshots."""

from __future__ import annotations

from dataclasses import fields

from sqlflow.core.codes import Code
from sqlflow.core.config import HardDeletes, MetaColumns, SnapshotConfig, SnapshotStrategy
from sqlflow.core.diagnostic import Diagnostic
from sqlflow.core.span import Span
from sqlflow.project.decode import Section, invalid_value

_ALL = "all"


def decode_snapshot(section: Section, unique_key: tuple[str, ...], place: Span) -> SnapshotConfig | None:
    """Reads a snapshot's settings; None where there is no strategy. `place` is where it is defined."""
    word = section.choice("strategy", [strategy.value for strategy in SnapshotStrategy])
    updated_at = section.text("updated_at")
    check_cols = _check_cols(section)
    hard_deletes = _hard_deletes(section)
    columns = _columns(section)
    valid_to_current, target_schema = section.text("dbt_valid_to_current"), section.text("target_schema")
    if section.pair("schema") is not None and target_schema is not None:
        section.report(_clash("schema", "target_schema", section))
    if not unique_key and _is_absent(section, "unique_key"):
        section.report(_missing("unique_key", "by which its rows are told apart", place))
    if word is None:
        if _is_absent(section, "strategy"):
            section.report(_missing("strategy", "`timestamp` or `check`", place))
        return None
    strategy = SnapshotStrategy(word)
    if strategy is SnapshotStrategy.TIMESTAMP:
        if updated_at is None and _is_absent(section, "updated_at"):
            section.report(_missing("updated_at", "the column that tells when a row changed", place))
        if section.pair("check_cols") is not None:
            section.report(
                Diagnostic(
                    code=Code.SNAPSHOT_CONFIG,
                    message="`check_cols` is not looked at by the strategy `timestamp`",
                    span=section.span("check_cols"),
                    label="set here",
                    help="leave it out, or use the strategy `check`",
                )
            )
    elif _is_absent(section, "check_cols"):
        section.report(_missing("check_cols", "the columns to compare, or `all`", place))
    return SnapshotConfig(
        strategy=strategy,
        updated_at=updated_at,
        check_cols=check_cols,
        hard_deletes=hard_deletes,
        valid_to_current=valid_to_current,
        columns=columns,
        target_schema=target_schema,
    )


def _check_cols(section: Section) -> tuple[str, ...] | None:
    found = section.texts("check_cols")
    if found is None or found == (_ALL,):
        return None
    if not found:
        help_ = "name the columns to compare, or write `all`"
        section.report(invalid_value("`check_cols` is empty", section.span("check_cols"), help_))
    return tuple(dict.fromkeys(found))


def _hard_deletes(section: Section) -> HardDeletes:
    word = section.choice("hard_deletes", [choice.value for choice in HardDeletes])
    older = section.flag("invalidate_hard_deletes")
    if older is not None and word is not None:
        section.report(_clash("hard_deletes", "invalidate_hard_deletes", section))
    if word is not None:
        return HardDeletes(word)
    return HardDeletes.INVALIDATE if older else HardDeletes.IGNORE


def _columns(section: Section) -> MetaColumns:
    below = section.section("snapshot_meta_column_names", "`snapshot_meta_column_names`")
    if below is None:
        return MetaColumns()
    known = [column.name for column in fields(MetaColumns)]
    given = {name: text for name in known if (text := below.text(name)) is not None}
    below.finish()
    for name, text in given.items():
        if not text.strip() or "\0" in text:
            below.report(invalid_value(f"`{name}` names no column", below.span(name)))
    names = MetaColumns(**given)
    taken: dict[str, str] = {}
    for name in known:
        other = taken.setdefault(getattr(names, name).lower(), name)
        if other != name:
            message = f"`{other}` and `{name}` have the same name"
            place = below.span(name if name in given else other)
            below.report(invalid_value(message, place, "give one of them another"))
    return names


def _is_absent(section: Section, key: str) -> bool:
    """Whether a key is not there at all: a wrong value was reported where it was read."""
    return section.node.get(key) is None


def _missing(key: str, what: str, place: Span) -> Diagnostic:
    return Diagnostic(
        code=Code.SNAPSHOT_CONFIG,
        message=f"the snapshot has no `{key}`",
        span=place,
        help=f"add `{key}:` to its config: {what}",
    )


def _clash(first: str, second: str, section: Section) -> Diagnostic:
    return Diagnostic(
        code=Code.SNAPSHOT_CONFIG,
        message=f"`{first}` and `{second}` say the same thing",
        span=section.span(second),
        label="set here as well",
        help=f"leave `{second}` out",
    )
