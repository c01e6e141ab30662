"""Which of the project's files a Python file imports."""

from __future__ import annotations

import pytest

from sqlflow.project.python_imports import imported_files
from sqlflow.system.memory import MemorySystem

FILES = {
    "models/m.py": "",
    "models/other.py": "def other(): ...\n",
    "lib/__init__.py": "",
    "lib/dates.py": "from lib.deep import thing\n",
    "lib/deep/__init__.py": "from . import thing\n",
    "lib/deep/thing.py": "import lib.dates\n",
    "alone.py": "broken (\n",
}

DEEP = ["lib/deep/__init__.py", "lib/deep/thing.py"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pandas, os.path\n", []),
        ("import alone\n", ["alone.py"]),
        ("def m():\n    import alone\n", ["alone.py"]),
        ("from lib import dates\n", ["lib/__init__.py", "lib/dates.py", *DEEP]),
        ("import lib\n", ["lib/__init__.py"]),
        ("from .other import other\n", ["models/other.py"]),
        ("from ..alone import x\n", ["alone.py"]),
        ("from ....alone import x\n", []),
        ("not python (\n", []),
    ],
)  # fmt: skip
def test_imports(text: str, expected: list[str]) -> None:
    files = {**FILES, "models/m.py": text}
    system = MemorySystem({path: content.encode() for path, content in files.items()})
    assert imported_files(system, "models/m.py") == tuple(sorted(["models/m.py", *expected]))
