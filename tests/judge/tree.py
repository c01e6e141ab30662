"""Texts as trees, so that a failing query can be made smaller part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

Part: TypeAlias = "str | Tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Parts that are joined with `joint`.

    A part may be left out while more than `least` are there; `sort` names trees that may stand for each
    other (an expression for an expression), empty for none.
    """

    parts: tuple[Part, ...]
    joint: str = ""
    least: int | None = None
    sort: str = ""

    def __str__(self) -> str:
        return self.joint.join(text for part in self.parts if (text := str(part)))


def seq(*parts: Part, sort: str = "") -> Tree:
    """Joins parts that all have to stay."""
    return Tree(parts=parts, sort=sort)


def optional(*parts: Part) -> Tree:
    """Joins parts that may all be left out together."""
    return Tree(parts=(Tree(parts=parts),), least=0)


def items(parts: Sequence[Part], joint: str = ", ", least: int = 1) -> Tree:
    """Joins parts of which all but `least` may be left out, each for itself."""
    return Tree(parts=tuple(parts), joint=joint, least=least)


def reductions(tree: Tree) -> Iterator[Tree]:
    """Gives all trees that are smaller by one step, those that lose most first."""
    if tree.least is not None and len(tree.parts) > tree.least:
        for i in range(len(tree.parts)):
            yield replace(tree, parts=tree.parts[:i] + tree.parts[i + 1 :])
    if tree.sort:
        yield from _inside(tree, tree.sort)
    for i, part in enumerate(tree.parts):
        if isinstance(part, Tree):
            for smaller in reductions(part):
                yield replace(tree, parts=(*tree.parts[:i], smaller, *tree.parts[i + 1 :]))


def _inside(tree: Tree, sort: str) -> Iterator[Tree]:
    for part in tree.parts:
        if isinstance(part, Tree):
            if part.sort == sort:
                yield part
            else:
                yield from _inside(part, sort)


def shrink(tree: Tree, fails: Callable[[str], bool], most: int = 2000) -> Tree:
    """Makes a tree smaller as long as its text still fails, with at most so many tries."""
    tries = 0
    smaller = True
    while smaller and tries < most:
        smaller = False
        for candidate in reductions(tree):
            tries += 1
            if tries >= most:
                break
            if len(str(candidate)) < len(str(tree)) and fails(str(candidate)):
                tree, smaller = candidate, True
                break
    return tree
