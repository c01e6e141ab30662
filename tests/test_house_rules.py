"""How the code is written: sizes, docstrings, frozen values, nothing left undone, nothing given away."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from sqlflow.core.codes import Code
from tests.sources import ROOT, Module, module, modules, tracked_files

MODULE_LINES = 800
LONG_MODULE_LINES = 400
TEST_LINES = 600
FUNCTION_LINES = 60
# Small values that are made by the million or read best by position.
POSITIONAL = {
    "sqlflow.core.textmap.TextMap", "sqlflow.render.compiled.Parsed", "sqlflow.render.compiled.Compiled",
    "sqlflow.apply.workers.Done", "sqlflow.core.schema.SqlType",
}  # fmt: skip
# No values: a job is what threads share while they work on it, an index fills itself while it is used.
NOT_VALUES = {"sqlflow.apply.workers.Job", "sqlflow.render.macros.MacroIndex"}
MUTABLE = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "List", "Dict", "Set", "DefaultDict"}

Rule = Callable[[Module], list[str]]
SOURCES = modules("sqlflow", "adapters")
TESTS = modules("tests")


def breaches(rule: Rule, sources: Iterable[Module]) -> list[str]:
    """Applies a rule to modules."""
    return [breach for source in sources for breach in rule(source)]


# --- sizes


def long_modules(source: Module, most: int = MODULE_LINES) -> list[str]:
    """Finds a module of too many lines."""
    lines = len(source.text.splitlines())
    return [f"{source.path}: {lines} lines, {most} at most"] if lines > most else []


def long_functions(source: Module) -> list[str]:
    """Finds functions with too many lines of code: blank lines, comments and the docstring don't count."""
    code = _code_lines(source.text)
    wrong: list[str] = []
    for function in _functions(source.tree):
        lines = code & set(range(function.lineno, (function.end_lineno or function.lineno) + 1))
        if (first := _docstring_node(function)) is not None:
            lines -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
        if len(lines) > FUNCTION_LINES:
            wrong.append(f"{source.path}:{function.lineno}: {function.name} has {len(lines)} lines of code")
    return wrong


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def _docstring_node(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt | None:
    return node.body[0] if ast.get_docstring(node, clean=False) is not None else None


def _code_lines(text: str) -> set[int]:
    silent = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return lines


def test_modules_are_not_too_long() -> None:
    assert breaches(long_modules, SOURCES) == []
    for breach in breaches(lambda source: long_modules(source, LONG_MODULE_LINES), SOURCES):
        warnings.warn(f"{breach} is the aim", stacklevel=1)


def test_test_files_are_not_too_long() -> None:
    assert breaches(lambda source: long_modules(source, TEST_LINES), TESTS) == []


def test_functions_are_not_too_long() -> None:
    assert breaches(long_functions, SOURCES) == []


def test_a_long_module_is_caught() -> None:
    assert long_modules(module("sqlflow.made_up", "x = 1\n" * MODULE_LINES)) == []
    assert long_modules(module("sqlflow.made_up", "x = 1\n" * (MODULE_LINES + 1)))


def test_a_long_function_is_caught() -> None:
    head = 'def f() -> None:\n    """Says\n\n    much.\n    """\n'
    most = head + "    # why\n\n    x = 1\n" * (FUNCTION_LINES - 1)
    assert long_functions(module("sqlflow.made_up", most)) == []
    assert long_functions(module("sqlflow.made_up", most + "    x = 2\n"))
    assert long_functions(module("sqlflow.made_up", head + '    x = """' + "\n" * FUNCTION_LINES + '"""\n'))


# --- docstrings


def missing_docstrings(source: Module) -> list[str]:
    """Finds modules, public classes and public functions without a docstring."""
    wrong = [] if ast.get_docstring(source.tree) else [f"{source.path}: no docstring"]
    for name, node in _public(source.tree):
        if ast.get_docstring(node) is None and not _is_overload(node):
            wrong.append(f"{source.path}:{node.lineno}: {name} has no docstring")
    return wrong


def _public(
    tree: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if node.name.startswith("_"):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node, f"{prefix}{node.name}.")


def _is_overload(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)


def test_public_things_have_docstrings() -> None:
    assert breaches(missing_docstrings, SOURCES) == []


def test_a_missing_docstring_is_caught() -> None:
    text = (
        '"""Says."""\nclass A:\n    """Says."""\n    def f(self): ...\n    def _g(self): ...\ndef h(): ...\n'
    )
    found = missing_docstrings(module("sqlflow.made_up", text))
    assert [breach.split()[1] for breach in found] == ["A.f", "h"]
    assert missing_docstrings(module("sqlflow.made_up", "x = 1"))


# --- frozen values


def loose_dataclasses(source: Module) -> list[str]:
    """Finds public dataclasses that are not frozen, slotted and by keyword, or hold what can change.

    A private one may change while it is worked with: it never leaves its module.
    """
    wrong: list[str] = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        options = _dataclass_options(node)
        name = f"{source.name}.{node.name}"
        if options is None or name in NOT_VALUES:
            continue
        wanted = {"frozen", "slots"} | (set() if name in POSITIONAL else {"kw_only"})
        where = f"{source.path}:{node.lineno}: {node.name}"
        if missing := sorted(wanted - options):
            wrong.append(f"{where} is not {', '.join(missing)}")
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and (names := _names(field.annotation) & MUTABLE):
                wrong.append(f"{where}.{ast.unparse(field.target)} is a {', '.join(sorted(names))}")
    return wrong


def _dataclass_options(node: ast.ClassDef) -> set[str] | None:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Name(id="dataclass") | ast.Attribute(attr="dataclass"):
                return set()
            case ast.Call(func=ast.Name(id="dataclass") | ast.Attribute(attr="dataclass"), keywords=keywords):
                return {key.arg or "" for key in keywords if ast.unparse(key.value) == "True"}
            case _:
                pass
    return None


def _names(annotation: ast.expr) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= set(re.findall(r"\w+", node.value))
    return names


def test_dataclasses_are_frozen() -> None:
    assert breaches(loose_dataclasses, SOURCES) == []


@pytest.mark.parametrize(
    ("decorator", "field"),
    [
        ("@dataclass", "x: int"),
        ("@dataclasses.dataclass(frozen=True)", "x: int"),
        ("@dataclass(frozen=True, slots=True)", "x: int"),
        ("@dataclass(frozen=False, slots=True, kw_only=True)", "x: int"),
        ("@dataclass(frozen=True, slots=True, kw_only=True)", "x: list[int]"),
        ("@dataclass(frozen=True, slots=True, kw_only=True)", "x: tuple[dict[str, int], ...] | None"),
        ("@dataclass(frozen=True, slots=True, kw_only=True)", "x: 'set[int]'"),
        ("@dataclass(frozen=True, slots=True, kw_only=True)", "x: typing.List[int]"),
    ],
)
def test_a_loose_dataclass_is_caught(decorator: str, field: str) -> None:
    assert loose_dataclasses(module("sqlflow.made_up", f"{decorator}\nclass A:\n    {field}\n"))


def test_the_exceptions_are_there() -> None:
    defined = {
        f"{source.name}.{node.name}"
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and _dataclass_options(node) is not None
    }
    assert defined >= POSITIONAL | NOT_VALUES


def test_a_frozen_dataclass_is_allowed() -> None:
    text = (
        "@dataclass(frozen=True, slots=True, kw_only=True)\nclass A:\n    x: Mapping[str, tuple[int, ...]]\n"
    )
    assert loose_dataclasses(module("sqlflow.made_up", text)) == []


# --- nothing left undone

# Built from parts, so that this file doesn't find itself.
_MARKS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "NotImplemented" + "Error")
UNDONE = re.compile(rf"\b({'|'.join(_MARKS)})\b")


def undone(source: Module) -> list[str]:
    """Finds marks of unfinished work."""
    return [
        f"{source.path}:{number}: {found[0]}"
        for number, line in enumerate(source.text.splitlines(), start=1)
        if (found := UNDONE.search(line))
    ]


def test_nothing_is_left_undone() -> None:
    assert breaches(undone, (*SOURCES, *TESTS)) == []


def test_unfinished_work_is_caught() -> None:
    text = "x = 1  # TO" + "DO: more\nraise NotImplemented" + "Error\n"
    assert len(undone(module("sqlflow.made_up", text))) == 2


def used_codes(sources: Iterable[Module]) -> set[str]:
    """Gives the names of the codes that modules mention, outside the catalogue."""
    return {
        node.attr
        for source in sources
        if source.name != "sqlflow.core.codes"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"
    }


def test_every_code_is_raised_somewhere() -> None:
    assert sorted({code.name for code in Code} - used_codes(SOURCES)) == []


def test_every_code_has_a_page() -> None:
    pages = ROOT / "sqlflow" / "core" / "pages"
    assert sorted(path.stem for path in pages.glob("*.md")) == sorted(code.value for code in Code)
    wrong = [
        code.value
        for code in Code
        if not (pages / f"{code.value}.md").read_text(encoding="utf-8").startswith(f"# {code.value}: ")
    ]
    assert wrong == []


def test_uses_of_codes_are_found() -> None:
    text = "x = Code.CYCLE\ny = Other.SQL_SYNTAX"
    assert used_codes([module("sqlflow.made_up", text)]) == {"CYCLE"}
    assert used_codes([module("sqlflow.core.codes", text)]) == set()


# --- nothing given away

GIVEN_AWAY = {
    "a path of a machine": re.compile(
        r"(?<![\w.:}/-])/(?:work|root|(?:home|Users)/(?!(?:you|user)/)\w+|tmp/dev)/[\w.]"
    ),
    "a package registry": re.compile(
        r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs|registry\.yarnpkg|artifactory|devpi)\b|index-url",
        re.IGNORECASE,
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "an access key": re.compile(r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|sk-[0-9A-Za-z]{32,})\b"),
    # One for a server of one's own is made up.
    "a password in a URL": re.compile(r"\b\w+://[^\s/:@{}<>\"']+:[^\s/:@{}<>\"'*]{3,}@(?!localhost\b)[\w.-]+"),
}  # fmt: skip
# These tests plant what they look for.
PLANTED = {"tests/test_house_rules.py"}


def given_away(path: str, text: str) -> list[str]:
    """Finds secrets, paths of a machine and registries in a text."""
    return [
        f"{path}:{number}: {what}: {found[0]}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in GIVEN_AWAY.items()
        if (found := pattern.search(line))
    ]


def _texts(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for path in files:
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_tracked_files_give_nothing_away() -> None:
    found = [
        breach
        for path, text in _texts(tracked_files())
        if path not in PLANTED
        for breach in given_away(path, text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "see /root/project/x",
        'path = "/home/ann/x"',
        "pip install --index-url x",
        "https://files.pythonhosted.org/packages",
        "-----BEGIN RSA PRIVATE KEY-----",
        "key: AKIA" + "A1B2" * 4,
        "url: postgres://ann:hunter2@db.local/shop",
    ],
)
def test_what_gives_something_away_is_caught(text: str) -> None:
    assert given_away("x.md", text)


@pytest.mark.parametrize(
    "text", ["models/work/orders.sql", "https://example.com/home/x", "/project/orders.sql"]
)
def test_harmless_text_is_allowed(text: str) -> None:
    assert given_away("x.md", text) == []


def test_files_that_are_tracked_are_found() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    assert {"pyproject.toml", "sqlflow/core/codes.py", "tests/test_house_rules.py"} <= names
