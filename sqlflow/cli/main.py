"""The entry of the command line: it knows the commands by name and loads the one that is asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

from sqlflow import __version__
from sqlflow.cli.options import Given, global_options, store_given

# Names and one-line helps are data, so that `--help` imports no command; a test compares them.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "Make a project that builds at once.",
        "compile": "Check the project and write its SQL, without a warehouse.",
        "plan": "Show what a build would do, and why.",
        "apply": "Do what was planned, and nothing else.",
        "build": "Load seeds, build models, run tests, in order.",
        "test": "Run data tests on what is in the warehouse.",
        "seed": "Load the files of rows into tables.",
        "ls": "List the nodes of the project.",
        "schema": "Show the columns of a model, seed or source, with their types.",
        "lineage": "Show where columns come from, or what reads them.",
        "intervals": "Show which ranges of time are built, and which are missing.",
        "freshness": "Show how old the rows of the sources are.",
        "sources": "Write down what the warehouse says of the sources.",
        "env": "List environments, go back to what one was, drop one.",
        "diff": "Compare what two environments show: columns, and rows by key.",
        "gc": "Drop environments that expired, and tables that nothing shows.",
        "state": "Look after what is known of the project's past runs.",
        "show": "Show the first rows of a model, seed, source or query.",
        "clean": "Remove the folder that sqlflow writes into.",
        "explain": "Explain a diagnostic by its code.",
    }
)


class LazyGroup(click.Group):
    """The group of all commands, which imports a command's module only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Gives the names of the commands in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"sqlflow.cli.commands.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the arguments begin with; suggests close names for one that is not there."""
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        close = get_close_matches(name, COMMANDS, n=2)
        hint = "; did you mean " + " or ".join(close) + "?" if close else ""
        return ctx.fail(f"there is no command {name!r}{hint}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands into the help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; whatever it ends with becomes a message and an exit code."""
        try:
            try:
                super().invoke(ctx)
            finally:
                # Here and not at the interpreter's exit, where a closed pipe would be a traceback.
                sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            from sqlflow.cli.failures import end

            ctx.exit(end(error, ctx))


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 the project or its data is wrong, 2 wrong usage, 130 interrupted.",
)
@click.version_option(__version__, "--version", prog_name="sqlflow", message="%(prog)s %(version)s")
@global_options
@click.pass_context
def cli(ctx: click.Context, **given: Any) -> None:
    """Transform data with SQL: known before it runs, planned before it changes, never half done.

    The options below are also taken after the command's name.
    """
    store_given(ctx, Given(**given))


def main() -> None:
    """Runs the command line with the process's arguments; ends the process."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding does not have is shown escaped instead of ending the run.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    cli(prog_name="sqlflow")
