"""Reading the files of a project into a source tree."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Severity
from sqlflow.core.digest import digest
from sqlflow.core.source import SourceFile, SourceTree
from sqlflow.core.span import Span
from sqlflow.project.catalog import CATALOG_FILE
from sqlflow.project.settings import folder_places
from sqlflow.project.types import Settings
from sqlflow.system.protocol import System

_TEXT = (".sql", ".py", ".yml", ".yaml")
_DATA = (".csv", ".parquet")
_BOM = b"\xef\xbb\xbf"


def read_tree(system: System, settings: Settings) -> tuple[SourceTree, tuple[Diagnostic, ...]]:
    """Reads `sqlflow.yml`, what was pulled of the sources, and all files of the configured folders.

    A byte order mark is no part of the text. A file that is not UTF-8 is reported and its text has U+FFFD
    for what could not be read, so that one bad byte does not hide the other mistakes. Data files have a
    digest and no text. A folder that is missing is a warning where the file names it.
    """
    diagnostics: list[Diagnostic] = []
    files: dict[str, SourceFile] = {}
    alone = {settings.path}
    if system.stat(CATALOG_FILE) is not None:
        alone.add(CATALOG_FILE)
    for path in sorted(set(_paths(system, settings, diagnostics)) | alone):
        file = _read_file(system, path, diagnostics)
        if file is not None:
            files[path] = file
    own = files.get(settings.path)
    diagnostics.extend(_missing_folders(system, settings, (own.text if own is not None else None) or ""))
    return SourceTree(root=system.root, files=MappingProxyType(files)), tuple(diagnostics)


def configured_folders(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Gives the folders with the setting that names each: `("model-paths", "models")`."""
    return (
        *(("model-paths", folder) for folder in settings.model_paths),
        *(("seed-paths", folder) for folder in settings.seed_paths),
        *(("snapshot-paths", folder) for folder in settings.snapshot_paths),
        *(("macro-paths", folder) for folder in settings.macro_paths),
        *(("test-paths", folder) for folder in settings.test_paths),
        *(("signal-paths", folder) for folder in settings.signal_paths),
    )


def read_text(content: bytes, path: str) -> tuple[str, tuple[Diagnostic, ...]]:
    """Decodes UTF-8, a byte order mark left out; what is not UTF-8 becomes U+FFFD and is reported once."""
    body = content.removeprefix(_BOM)
    try:
        return body.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        offset = error.start + len(content) - len(body)
        before = body[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        diagnostic = Diagnostic(
            code=Code.NOT_UTF8,
            message=f"{path} is not UTF-8: byte 0x{body[error.start]:02x} in line {line}, at offset {offset}",
            span=Span(path, len(before), len(before) + 1),
            label="this byte",
            help="save the file as UTF-8",
        )
        return body.decode("utf-8", "replace"), (diagnostic,)


def _paths(system: System, settings: Settings, diagnostics: list[Diagnostic]) -> Iterator[str]:
    written = settings.target_path.rstrip("/") + "/"
    for _, folder in configured_folders(settings):
        try:
            for path in system.walk(folder):
                if path.endswith((*_TEXT, *_DATA)) and not path.startswith(written):
                    yield path
        except OSError as error:
            diagnostics.append(_unreadable(folder, error))


def _read_file(system: System, path: str, diagnostics: list[Diagnostic]) -> SourceFile | None:
    try:
        if path.endswith(_DATA):
            return SourceFile(path=path, text=None, digest=system.digest(path))
        content = system.read(path)
    except OSError as error:
        diagnostics.append(_unreadable(path, error))
        return None
    text, found = read_text(content, path)
    diagnostics.extend(found)
    return SourceFile(path=path, text=text, digest=digest(content))


def _unreadable(path: str, error: OSError) -> Diagnostic:
    reason = error.strerror or type(error).__name__
    return Diagnostic(
        code=Code.UNREADABLE_FILE, message=f"{path} cannot be read: {reason}", span=Span(path, 0, 0)
    )


def _missing_folders(system: System, settings: Settings, text: str) -> Iterator[Diagnostic]:
    missing = [(key, folder) for key, folder in configured_folders(settings) if not _there(system, folder)]
    if not missing:
        return
    places = folder_places(text, settings.path)
    for key, folder in missing:
        if (key, folder) in places:
            yield Diagnostic(
                code=Code.FOLDER_MISSING,
                severity=Severity.WARNING,
                message=f"there is no folder `{folder}`",
                span=places[key, folder],
                label=f"named in `{key}`",
                help="make the folder, or take it out of the list",
            )


def _there(system: System, folder: str) -> bool:
    try:
        return folder == "." or system.is_dir(folder)
    except OSError:
        return True  # it is there and can't be looked into, which `_paths` has reported
