"""Prints the CPU time of starting the command line, as a ratio to importing click alone.

python tests/bench/startup.py [RUNS]
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

BASE = ("import click", [sys.executable, "-c", "import click"])
CASES = (
    ("sqlflow --help", [sys.executable, "-m", "sqlflow", "--help"]),
    ("sqlflow build --help", [sys.executable, "-m", "sqlflow", "build", "--help"]),
    ("sqlflow --version", [sys.executable, "-m", "sqlflow", "--version"]),
    ("sqlflow explain SF0203", [sys.executable, "-m", "sqlflow", "explain", "SF0203"]),
)


def cpu_seconds(command: list[str]) -> float:
    """Runs a command to its end; gives its CPU seconds, user and system together."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(command: list[str], runs: int) -> float:
    """Gives the median CPU seconds of several runs, after one that warms the caches."""
    cpu_seconds(command)
    return statistics.median(cpu_seconds(command) for _ in range(runs))


def main() -> None:
    """Prints a line per case."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    name, command = BASE
    base = median(command, runs)
    print(f"{name:<24} {base * 1000:6.1f} ms")
    for name, command in CASES:
        seconds = median(command, runs)
        print(f"{name:<24} {seconds * 1000:6.1f} ms   {seconds / base:.2f} x")


if __name__ == "__main__":
    main()
