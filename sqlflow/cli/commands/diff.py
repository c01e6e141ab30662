"""`sqlflow diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlflow.cli import options

if TYPE_CHECKING:
    from sqlflow.cli.session import Session


@click.command("diff")
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option(
    "--on", multiple=True, metavar="COLUMN", help="Match rows by this column; several times for more."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="NUMBER",
    help="By how much numbers that are not exact may differ.  [default: 0]",
)
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    default=3,
    metavar="N",
    help="How many rows are shown of each difference.  [default: 3]",
)
@click.option("--markdown", is_flag=True, help="Write it for a pull request.")
@click.option("--exit-code", is_flag=True, help="End with 3 where anything differs.")
@options.with_session()
def command(
    session: Session,
    *,
    left: str,
    right: str,
    models: tuple[str, ...],
    on: tuple[str, ...],
    tolerance: float,
    samples: int,
    markdown: bool,
    exit_code: bool,
) -> None:
    """Compare what two environments show: columns, and rows by key.

    Of all models and seeds, or of some, named as for --select. Rows are matched by --on, else by the model's
    unique_key, else by a column that is tested to be unique; without any of these, whole rows are counted.
    The warehouse is only read.
    """
    from sqlflow.cli.failures import CHANGES
    from sqlflow.cli.views.diff import Names, diff_markdown, diff_record, diff_text

    if markdown and session.terminal.is_json:
        raise click.UsageError("--markdown and --json exclude each other")
    found = session.load(models).diff(left, right, models, on=on, tolerance=tolerance, samples=samples)
    names, terminal = Names(left, right), session.terminal
    if terminal.is_json:
        terminal.record(diff_record(found, names))
    elif markdown:
        terminal.data(diff_markdown(found, names))
    else:
        terminal.data(diff_text(found, names, paint=terminal.paint_data))
    if exit_code and not all(one.is_equal for one in found):
        click.get_current_context().exit(CHANGES)
