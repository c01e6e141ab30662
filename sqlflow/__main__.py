"""Runs the command line by `python -m sqlflow`."""

from __future__ import annotations

from sqlflow.cli.main import main

if __name__ == "__main__":
    main()
