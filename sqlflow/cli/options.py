"""The options that commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import click

if TYPE_CHECKING:
    from sqlflow.plan.deferral import Defer

Function: TypeAlias = Callable[..., Any]

FORMATS = ("human", "plain", "json")


class Given(NamedTuple):
    """The shared options as they were given, None where they were not."""

    project: str | None = None
    target: str | None = None
    env: str | None = None
    vars: Mapping[str, object] | None = None
    output: str | None = None
    as_json: bool = False

    @property
    def format(self) -> str | None:
        """The form of the output that was asked for."""
        return "json" if self.as_json else self.output

    def over(self, outer: Given) -> Given:
        """Fills what was not given from the options that stood before the command."""
        own, before = self.format, outer.format
        if own is not None and before is not None and own != before:
            raise click.UsageError(f"--output {before} and --output {own} exclude each other")
        return Given(
            project=self.project if self.project is not None else outer.project,
            target=self.target if self.target is not None else outer.target,
            env=self.env if self.env is not None else outer.env,
            vars={**(outer.vars or {}), **(self.vars or {})} or None,
            output=own or before,
        )


class MappingType(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]
    """Text that is a mapping in YAML or JSON."""

    name = "mapping"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Mapping[str, object]:
        """Reads the text."""
        if isinstance(value, Mapping):
            return cast("Mapping[str, object]", value)
        import yaml

        try:
            read: object = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            self.fail("this is neither YAML nor JSON", param, ctx)
        if read is None:
            return {}
        if not isinstance(read, dict):
            self.fail("this is no mapping; write it like '{start: 2024-01-01}'", param, ctx)
        values = cast("dict[object, object]", read)
        for key in values:
            if not isinstance(key, str):
                self.fail(f"the name {key!r} is not text; put it in quotes", param, ctx)
        return cast("dict[str, object]", read)


class SelectCommand(click.Command):
    """A command whose `--select` and `--exclude` take all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeats the option before each further word of it."""
        return super().parse_args(ctx, spread(args))


def spread(args: Sequence[str]) -> list[str]:
    """Writes `-s a b` as `-s a -s b`."""
    out: list[str] = []
    option = ""
    fresh = False
    for index, arg in enumerate(args):
        if arg == "--":
            return [*out, *args[index:]]
        name, equals, _ = arg.partition("=")
        if fresh:
            out.append(arg)
            fresh = False
        elif name in ("-s", "--select", "--exclude"):
            option, fresh = name, not equals
            out.append(arg)
        elif option and not arg.startswith("-"):
            out += [option, arg]
        else:
            option = ""
            out.append(arg)
    return out


def _project(command: Function) -> Function:
    return click.option("--project", metavar="DIR", help="The project's folder.  [default: .]")(command)


def _target(command: Function) -> Function:
    return click.option("--target", metavar="NAME", help="The target in sqlflow.yml, if not its default.")(
        command
    )


def _env(command: Function) -> Function:
    return click.option("--env", metavar="NAME", help="The environment.  [default: prod]")(command)


def _vars(command: Function) -> Function:
    return click.option(
        "--vars", type=MappingType(), metavar="MAPPING", help="Variables, as a mapping in YAML or JSON."
    )(command)


def _output(command: Function) -> Function:
    command = click.option("--json", "as_json", is_flag=True, help="The same as --output json.")(command)
    return click.option(
        "--output",
        type=click.Choice(FORMATS),
        help="human: live on a terminal; plain: a line per step; json: one object a line.",
    )(command)


def global_options(command: Function) -> Function:
    """Adds the shared options to the group, before the command's name."""
    return _project(_target(_env(_vars(_output(command)))))


def selection(command: Function) -> Function:
    """Adds `--select` and `--exclude`."""
    command = click.option(
        "--exclude", multiple=True, metavar="WORDS", help="Leave these nodes out; words as in --select."
    )(command)
    return click.option(
        "-s",
        "--select",
        multiple=True,
        metavar="WORDS",
        help="Work on these nodes: names, paths, tag:x, +x (with parents), x+ (with children), @x; "
        "words add up, a comma intersects.",
    )(command)


def no_python(command: Function) -> Function:
    """Adds `--no-python`."""
    return click.option(
        "--no-python",
        is_flag=True,
        help="Call no function of the project: ibis models are not compiled.",
    )(command)


def running(command: Function) -> Function:
    """Adds the options of commands that run nodes."""
    command = click.option("--threads", type=click.IntRange(min=1), help="How many nodes run at once.")(
        command
    )
    return click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")(command)


def full_refresh(command: Function) -> Function:
    """Adds `--full-refresh`."""
    return click.option("--full-refresh", is_flag=True, help="Build incremental models from scratch.")(
        command
    )


def forward_only(command: Function) -> Function:
    """Adds `--forward-only`."""
    return click.option(
        "--forward-only",
        is_flag=True,
        help="Let incremental models whose code changed go on with the rows that they have.",
    )(command)


def skip_backfill(command: Function) -> Function:
    """Adds `--skip-backfill`."""
    return click.option(
        "--skip-backfill",
        is_flag=True,
        help="Do only what computes no rows; what would have to be filled stays due.",
    )(command)


def check_skip_backfill(
    *, skip_backfill: bool, full_refresh: bool, start: datetime | None, end: datetime | None
) -> None:
    """Refuses to compute no rows and to ask for some at once."""
    if skip_backfill and full_refresh:
        raise click.UsageError("--full-refresh makes rows anew, which --skip-backfill leaves out")
    if skip_backfill and (start is not None or end is not None):
        raise click.UsageError("--start and --end build an interval, which --skip-backfill leaves out")


def check_forward_only(*, forward_only: bool, full_refresh: bool) -> None:
    """Refuses to keep rows and to make them anew at once."""
    if forward_only and full_refresh:
        raise click.UsageError(
            "--forward-only keeps the rows that --full-refresh makes anew: name one of them"
        )


def allow_destructive(command: Function) -> Function:
    """Adds `--allow-destructive`."""
    return click.option(
        "--allow-destructive",
        multiple=True,
        metavar="MODEL",
        help="Let the table of this model lose columns that its query has no more.",
    )(command)


def force(command: Function) -> Function:
    """Adds `--force`."""
    return click.option("--force", is_flag=True, help="Build what is unchanged as well.")(command)


def defer(command: Function) -> Function:
    """Adds `--defer`, `--defer-to` and `--favor-state`."""
    command = click.option(
        "--favor-state",
        is_flag=True,
        help="With --defer: read all that is not selected from prod, if it is there.",
    )(command)
    command = click.option(
        "--defer-to", metavar="TARGET", help="The same as --defer; prod has the names of this target."
    )(command)
    return click.option(
        "--defer", is_flag=True, help="Read from prod what is not selected, and not built here yet."
    )(command)


def deferring(*, defer: bool, defer_to: str | None, favor_state: bool) -> Defer | None:
    """Gives what is asked to be deferred."""
    if favor_state and not defer and defer_to is None:
        raise click.UsageError("--favor-state is said of what is deferred: add --defer")
    if not defer and defer_to is None:
        return None
    from sqlflow.plan.deferral import Defer

    return Defer(to=defer_to, favor_state=favor_state)


class MomentParam(click.ParamType[datetime]):
    """A date or a time in ISO's form, with or without a zone."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Reads it."""
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is neither a date nor a time: write 2024-01-31 or 2024-01-31T06:00", param, ctx
            )


def interval(command: Function) -> Function:
    """Adds `--start` and `--end`."""
    command = click.option("--end", type=MomentParam(), help="Before when; now if it is left out.")(command)
    return click.option(
        "--start", type=MomentParam(), help="Build models by time range anew, from this moment on."
    )(command)


def restate(command: Function) -> Function:
    """Adds `--restate`."""
    return click.option(
        "--restate",
        multiple=True,
        metavar="MODEL",
        help="Let --start and --end be for this model alone; what reads it follows.",
    )(command)


def check_interval(
    start: datetime | None, end: datetime | None, *, full_refresh: bool, restate: Sequence[str]
) -> None:
    """Refuses an interval without a length, one that goes with a full refresh, and one that is missing."""
    if restate and start is None and end is None:
        raise click.UsageError("--restate wants to know what: add --start or --end")
    if full_refresh and (start is not None or end is not None):
        raise click.UsageError("--full-refresh builds all batches: it excludes --start and --end")
    from sqlflow.plan.due import Interval

    if Interval(start, end).is_backward:
        raise click.UsageError("--end has to be later than --start")


def store_failures(command: Function) -> Function:
    """Adds `--store-failures`."""
    return click.option("--store-failures", is_flag=True, help="Keep the rows that a test finds in a table.")(
        command
    )


def store_given(ctx: click.Context, given: Given) -> None:
    """Keeps the options that stood before the command."""
    _check_format(given)
    ctx.obj = given


def _check_format(given: Given) -> None:
    if given.as_json and given.output not in (None, "json"):
        raise click.UsageError(f"--json and --output {given.output} exclude each other")


def with_session(*, project: bool = True, target: bool = True) -> Callable[[Function], Function]:
    """Adds the shared options to a command, which gets them as a `Session` before its own parameters.

    `project` and `target` say whether the command has use for `--project`, and for `--target`,
    `--env` and `--vars`.
    """

    def decorate(command: Function) -> Function:
        @functools.wraps(command)
        def call(**params: Any) -> None:
            from sqlflow.cli.session import Session

            ctx = click.get_current_context()
            given = Given(**{name: params.pop(name) for name in Given._fields if name in params})
            _check_format(given)
            root = ctx.find_root()
            merged = given.over(root.obj) if isinstance(root.obj, Given) else given.over(Given())
            _refuse_unused(ctx, merged, project=project, target=target)
            session = Session(command=ctx.info_name or "", given=merged)
            root.obj = session
            command(session, **params)

        decorated = _output(call)
        if target:
            decorated = _target(_env(_vars(decorated)))
        return _project(decorated) if project else decorated

    return decorate


def _refuse_unused(ctx: click.Context, given: Given, *, project: bool, target: bool) -> None:
    """An option before the command that the command has no use for is a mistake, not ignored."""
    unused = [
        name
        for name, value, used in (
            ("--project", given.project, project),
            ("--target", given.target, target),
            ("--env", given.env, target),
            ("--vars", given.vars, target),
        )
        if value is not None and not used
    ]
    if unused:
        raise click.UsageError(f"{ctx.info_name} has no option {unused[0]}")
