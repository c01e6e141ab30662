"""`sqlflow state` as its user sees it."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

from tests.cli.conftest import Run


def events() -> list[tuple[int, str]]:
    with sqlite3.connect(".sqlflow/state.db") as file:
        found = file.execute("SELECT number, event FROM events ORDER BY number").fetchall()
    file.close()
    return found


def execute(sql: str) -> None:
    with sqlite3.connect(".sqlflow/state.db") as file:
        file.execute(sql)
    file.close()


def test_an_export_is_lines_of_json(run: Run) -> None:
    result = run("state", "export")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [text for _, text in events()]
    first, last = (
        json.loads(line) for line in (result.stdout.splitlines()[0], result.stdout.splitlines()[-1])
    )
    assert (first["event"], last["event"]) == ("run_started", "run_finished")


def test_a_round_by_files(run: Run) -> None:
    number = len(events())
    result = run("state", "export", "-o", "state.jsonl")
    assert (result.stdout, result.stderr) == ("", f"wrote {number} events into state.jsonl\n")
    Path(".sqlflow/state.db").unlink()
    result = run("state", "import", "state.jsonl")
    assert (result.exit_code, result.stderr) == (0, f"put {number} events into `.sqlflow/state.db`\n")
    assert [text for _, text in events()] == Path("state.jsonl").read_text().splitlines()


def test_an_import_mixes_nothing(run: Run) -> None:
    before = events()
    run("state", "export", "-o", "state.jsonl")
    result = run("state", "import", "state.jsonl")
    assert result.exit_code == 1
    assert "error[SF0805]: nothing was imported: the state in `.sqlflow/state.db` holds" in result.stderr
    assert "--replace" in result.stderr
    assert events() == before
    result = run("state", "import", "state.jsonl", "--replace")
    assert result.exit_code == 0
    copied = re.match(r"what was there is now in (\.sqlflow/state\.db\.replaced-\w+)\n", result.stderr)
    assert copied is not None and Path(copied[1]).exists()
    assert [text for _, text in events()] == [text for _, text in before]


def test_a_file_that_is_no_export_is_refused_as_a_whole(run: Run) -> None:
    before = events()
    run("state", "export", "-o", "state.jsonl")
    with Path("state.jsonl").open("ab") as file:
        file.write(b'{"event":"run_started"}\n\xff\n')
    result = run("state", "import", "state.jsonl", "--replace")
    assert result.exit_code == 1
    line = len(before) + 1
    assert f"line {line} of `state.jsonl` is no event: it has no 'run'" in result.stderr
    assert events() == before
    assert run("state", "import", "no_such_file").exit_code == 2


def test_a_project_that_was_never_built_has_an_empty_export(run: Run) -> None:
    Path(".sqlflow/state.db").unlink()
    result = run("state", "export")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert run("state", "export", "-o", "state.jsonl").stderr == "wrote 0 events into state.jsonl\n"
    assert Path("state.jsonl").read_text() == ""
    assert not Path(".sqlflow/state.db").exists()


def test_a_repair_says_what_it_did(run: Run) -> None:
    number = len(events())
    result = run("state", "repair")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"the state in `.sqlflow/state.db` is sound: {number} events\n"

    execute("UPDATE events SET event = '{' WHERE number = 3")
    execute("DELETE FROM events WHERE number = 2")
    failed = run("state", "export")
    assert (failed.exit_code, len(failed.stdout.splitlines())) == (0, number - 1)
    result = run("state", "repair")
    assert re.sub(r"-\w+Z", "-TIME", result.stderr) == (
        "1 event could not be read: now in .sqlflow/state.db.removed-TIME.jsonl\n"
        "1 event that had been written is gone\n"
        f"the state in `.sqlflow/state.db` has {number - 2} events\n"
    )
    (aside,) = Path(".sqlflow").glob("*.jsonl")
    assert json.loads(aside.read_text()) == {"number": 3, "text": "{"}


def test_a_damaged_file_ends_no_command_with_a_traceback(run: Run) -> None:
    Path(".sqlflow/state.db").write_bytes(b"no database" * 900)
    for command in (["build"], ["state", "export"], ["test"], ["state", "import", "sqlflow.yml"]):
        result = run(*command)
        assert result.exit_code == 1
        assert (
            "error[SF0803]: the state in `.sqlflow/state.db` is damaged: file is not a database"
            in result.stderr
        )
        assert "help: `sqlflow state repair` keeps every" not in result.stderr
        assert "`sqlflow state repair`" in result.stderr
    result = run("state", "repair", "--json")
    (record,) = (json.loads(line) for line in result.stdout.splitlines())
    assert (record["event"], record["events"], record["missing"]) == ("state_repaired", 0, None)
    assert Path(record["damaged"]).read_bytes() == b"no database" * 900
    assert run("build").exit_code == 0


def test_a_newer_state_is_told_of(run: Run) -> None:
    execute("UPDATE state SET version = 7")
    for command in (["build"], ["state", "export"], ["state", "repair"]):
        result = run(*command)
        assert result.exit_code == 1
        assert "error[SF0804]" in result.stderr
        assert "has version 7 of its schema, and this sqlflow knows 1 at most" in result.stderr


def test_json(run: Run) -> None:
    number = len(events())
    result = run("state", "export", "-o", "state.jsonl", "--json")
    assert json.loads(result.stdout) == {"event": "state_exported", "events": number, "path": "state.jsonl"}
    result = run("state", "import", "state.jsonl", "--replace", "--json")
    record = json.loads(result.stdout)
    assert (record["event"], record["events"]) == ("state_imported", number)
    assert Path(record["copy"]).exists()
