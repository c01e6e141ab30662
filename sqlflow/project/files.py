"""What kind of declaration each file of a project is, by the folder it lies in."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlflow.core.source import SourceFile, SourceTree
from sqlflow.project.catalog import CATALOG_FILE
from sqlflow.project.config import merge_layers
from sqlflow.project.tree import configured_folders
from sqlflow.project.types import ConfigLayer, Settings


class ProjectFile(NamedTuple):
    """A file, the setting that names its folder (`model-paths`) and its path below that folder."""

    file: SourceFile
    setting: str
    below: str

    @property
    def stem(self) -> str:
        """The file's name without its suffix: the name of what it declares."""
        return posixpath.basename(self.below).rpartition(".")[0]

    @property
    def suffix(self) -> str:
        """The file's suffix with its dot."""
        return "." + self.below.rpartition(".")[2]

    @property
    def folder(self) -> str:
        """The folder below the configured one, "" for that one itself."""
        return posixpath.dirname(self.below)


def project_files(tree: SourceTree, settings: Settings) -> tuple[ProjectFile, ...]:
    """Gives the files of the configured folders in the order of their paths.

    Where folders lie inside of each other, a file belongs to the innermost one. A data file belongs to
    the seeds, so that a folder may hold models and seeds.
    """
    folders = configured_folders(settings)
    alone = (settings.path, CATALOG_FILE)
    found = (_place(file, folders) for file in tree.files.values() if file.path not in alone)
    return tuple(file for file in found if file is not None)


def _place(file: SourceFile, folders: Sequence[tuple[str, str]]) -> ProjectFile | None:
    data = file.path.endswith((".csv", ".parquet"))
    best: ProjectFile | None = None
    for setting, folder in folders:
        prefix = "" if folder == "." else folder + "/"
        if not file.path.startswith(prefix) or data != (setting == "seed-paths" and data):
            continue
        below = file.path[len(prefix) :]
        # The first setting wins a tie, but a seed path has no claim on a template.
        claim = setting != "seed-paths" or data
        better = best is None or len(below) < len(best.below)
        if better and (claim or file.path.endswith((".yml", ".yaml"))):
            best = ProjectFile(file, setting, below)
    return best


def folder_layers(config: Mapping[str, ConfigLayer], folder: str, name: str = "") -> tuple[ConfigLayer, ...]:
    """Gives the layers that hold for a node in a folder, general to specific; its name is the last level."""
    layers = [config[""]] if "" in config else []
    path = ""
    for part in (*folder.split("/"), name):
        if part:
            path = f"{path}/{part}" if path else part
            layers.extend([config[path]] if path in config else [])
    return tuple(layers)


def with_folder_config(config: Mapping[str, ConfigLayer], folder: str, own: ConfigLayer) -> ConfigLayer:
    """Gives the configuration of a declaration that has one layer of its own."""
    layers = folder_layers(config, folder)
    return merge_layers([*layers, own]) if layers else own
