"""`sqlflow explain`."""

from __future__ import annotations

import difflib

import click

from sqlflow.cli import options
from sqlflow.cli.pages import read_page, title
from sqlflow.cli.session import Session
from sqlflow.core.codes import Code


@click.command("explain")
@click.argument("code", required=False)
@options.with_session(project=False, target=False)
def command(session: Session, *, code: str | None) -> None:
    """Explain a diagnostic by its code.

    Without CODE, lists all codes with their titles.
    """
    if code is None:
        for known in Code:
            if session.terminal.is_json:
                session.terminal.record({"event": "code", "code": known.value, "title": title(known)})
            else:
                session.terminal.data(f"{known.value}  {title(known)}")
        return
    known = find(code)
    if session.terminal.is_json:
        session.terminal.record(
            {"event": "page", "code": known.value, "title": title(known), "text": read_page(known)}
        )
    else:
        session.terminal.data(read_page(known).rstrip("\n"))


def find(text: str) -> Code:
    """Finds a code by its text in any case, also without its letters: SF0203, sf0203, 0203."""
    wanted = text.strip().upper()
    by_text = {code.value: code for code in Code}
    if wanted in by_text:
        return by_text[wanted]
    if f"SF{wanted}" in by_text:
        return by_text[f"SF{wanted}"]
    # Two digits in the wrong order are the likeliest mistake.
    swapped = [known for known in by_text if sorted(known) == sorted(wanted)]
    close = list(dict.fromkeys((*swapped, *difflib.get_close_matches(wanted, by_text, n=3, cutoff=0.7))))[:3]
    hint = f"; close: {', '.join(close)}" if close else "; `sqlflow explain` lists all"
    raise click.UsageError(f"there is no code {text!r}{hint}")
