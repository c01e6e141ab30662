"""Asks an engine about the calls of its functions."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlflow.core.schema import SqlType
from sqlflow.dialect.rules.tokens import tokens
from tests.rules.probes import Probe

Key = tuple[SqlType, ...]
_MOST_CALLS = 9000
_MOST_SEEDS = 200
# Seeds of one overload; there are more where it says nothing of its parameters, as a macro's does not.
_FEW_KINDS, _MOST_KINDS = 2, 12
# Calls with each two arguments, where not all can be asked.
_MIXED = 3
_SOME = re.compile(r"\b(?:ANY|T|K|V|U|K1|V1|TYPE|INVALID|UNKNOWN)\b")
# What stands for a type that can be any.
_KINDS = ("INTEGER", "VARCHAR", "DOUBLE", "DATE", "TIMESTAMP", "INTERVAL", "BOOLEAN", "INTEGER[]", "JSON")
_NO_CALL = ("No function matches", "Could not choose", "Cannot deduce", "Unrecognized type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A function as it is asked about: `call` makes its text of the arguments' texts."""

    name: str
    call: Callable[[Sequence[str]], str]
    overloads: tuple[tuple[str, ...], ...]


def plain_call(name: str) -> Callable[[Sequence[str]], str]:
    """Makes calls `name(a, b)`."""
    return lambda arguments: f"{name}({', '.join(arguments)})"


def within_group(name: str) -> Callable[[Sequence[str]], str]:
    """Makes calls `name(fraction) WITHIN GROUP (ORDER BY value)`."""
    return lambda arguments: f"{name}({arguments[0]}) WITHIN GROUP (ORDER BY {arguments[-1]})"


def explore(engine: Any, shape: Shape, arity: int, probes: Sequence[Probe]) -> dict[Key, SqlType]:
    """Gives what the engine says to calls with so many arguments, those that it takes."""
    if arity == 0:
        answer = engine.types([shape.call(())])[0]
        return {} if isinstance(answer, str) else {(): answer}
    seeds = _seeds(engine, shape, arity, probes)
    if not seeds:
        return {}
    found: dict[Key, SqlType] = {}
    for mode in sorted({mode for _, mode in seeds}):
        mine = [seed for seed, constant in seeds if constant == mode][:_MOST_KINDS]
        accepted = [_accepted(engine, shape, mine, place, probes, mode) for place in range(arity)]
        found |= _ask(engine, shape, _calls(accepted, mine), mode)
    return found


def _text(probe: Probe, constant: bool) -> str:
    return probe.constant if constant else probe.column


def _ask(
    engine: Any, shape: Shape, calls: Iterable[tuple[Probe, ...]], mode: tuple[bool, ...]
) -> dict[Key, SqlType]:
    calls = list(calls)
    texts = [shape.call([_text(*pair) for pair in zip(call, mode, strict=True)]) for call in calls]
    answers = engine.types(texts)
    return {
        tuple(probe.kind for probe in call): answer
        for call, answer in zip(calls, answers, strict=True)
        if not isinstance(answer, str)
    }


def _seeds(
    engine: Any, shape: Shape, arity: int, probes: Sequence[Probe]
) -> list[tuple[tuple[Probe, ...], tuple[bool, ...]]]:
    """Finds calls that the engine takes, each with which of its arguments must be constants."""
    by_text = {str(probe.kind): probe for probe in probes}
    texts = [probe for probe in probes if probe.kind.labels and probe.kind.name == "STRING_LITERAL"]
    found: list[tuple[tuple[Probe, ...], tuple[bool, ...]]] = []
    tried: set[tuple[str, ...]] = set()
    for overload in shape.overloads:
        if len(overload) != arity:
            continue
        choices = [_choices(name, by_text, texts) for name in overload]
        most = _MOST_KINDS if any(map(_SOME.search, overload)) else _FEW_KINDS
        taken: list[tuple[tuple[Probe, ...], tuple[bool, ...]]] = []
        for call in itertools.islice(itertools.product(*choices), _MOST_SEEDS):
            columns = tuple(probe.column for probe in call)
            if columns in tried or len(taken) == most:
                continue
            seen = {(place, probe) for one, _ in taken for place, probe in enumerate(one)}
            if taken and all((place, probe) in seen for place, probe in enumerate(call)):
                # Another of the same kinds would tell nothing new.
                continue
            tried.add(columns)
            mode = _mode(engine, shape, call)
            if mode is not None:
                taken.append((call, mode))
        found += taken
    return found[:24]


def _choices(name: str, by_text: dict[str, Probe], texts: Sequence[Probe]) -> list[Probe]:
    """Gives arguments for a parameter as the engine's catalogue declares it."""
    if name in by_text:
        return [by_text[name], *texts] if name == "VARCHAR" else [by_text[name]]
    if name == "DECIMAL":
        return [by_text["DECIMAL(10,2)"]]
    wanted = [_SOME.sub(kind, name) for kind in _KINDS]
    # A map's key and value differ in type where it is asked about.
    wanted += ["MAP(VARCHAR, INTEGER)"] if name.startswith("MAP") else []
    wanted += ["STRUCT(a INTEGER, b VARCHAR)"] if name in ("ANY", "STRUCT", "T") else []
    wanted += ["ENUM('a', 'b')"] if name in ("ANY", "ENUM") else []
    wanted += (
        ["INTEGER[3]", "FLOAT[3]", "DOUBLE[2]"] if "ARRAY" in name or re.search(r"\[\w+\]", name) else []
    )
    return [by_text[text] for text in dict.fromkeys(wanted) if text in by_text]


def _mode(engine: Any, shape: Shape, call: tuple[Probe, ...]) -> tuple[bool, ...] | None:
    arity = len(call)
    nothing = (False,) * arity
    first = engine.types([shape.call([probe.column for probe in call])])[0]
    if not isinstance(first, str):
        return nothing
    if any(words in first for words in _NO_CALL):
        return None
    modes = [tuple(i == j for i in range(arity)) for j in reversed(range(arity))]
    modes += [(False, *(True,) * (arity - 1)), (True,) * arity] if arity > 2 else [(True,) * arity]
    for mode in modes:
        answer = engine.types([shape.call([_text(*pair) for pair in zip(call, mode, strict=True)])])[0]
        if not isinstance(answer, str):
            return mode
    return None


def _accepted(
    engine: Any,
    shape: Shape,
    seeds: Sequence[tuple[Probe, ...]],
    place: int,
    probes: Sequence[Probe],
    mode: tuple[bool, ...],
) -> list[Probe]:
    """Gives the arguments that the engine takes at one place, with another call's arguments at the others."""
    found: list[Probe] = []
    left = list(probes)
    for seed in seeds:
        calls = [(*seed[:place], probe, *seed[place + 1 :]) for probe in left]
        texts = [shape.call([_text(*pair) for pair in zip(call, mode, strict=True)]) for call in calls]
        answers = engine.types(texts)
        found += [probe for probe, answer in zip(left, answers, strict=True) if not isinstance(answer, str)]
        left = [probe for probe, answer in zip(left, answers, strict=True) if isinstance(answer, str)]
    return found


def _calls(
    accepted: Sequence[Sequence[Probe]], seeds: Sequence[tuple[Probe, ...]]
) -> Iterable[tuple[Probe, ...]]:
    """Gives all calls; where those are too many, those with a few arguments of each group that rules can't
    tell apart, and where they still are, of some groups only, with each pair of groups beside."""
    axes = [list(some) for some in accepted]
    for most in (len(accepted) * 100, 4, 3, 2):
        axes = [_few(axis, most) for axis in axes]
        if math.prod(map(len, axes)) <= _MOST_CALLS:
            return itertools.product(*axes)
    least = max(4, int(_MOST_CALLS ** (1 / len(axes))))
    chance = random.Random(math.prod(map(len, axes)))
    some = [axis if len(axis) <= least else _groups(axis, least, chance) for axis in axes]
    return dict.fromkeys([*itertools.product(*some), *_pairs(accepted, seeds, chance)])


def _pairs(
    accepted: Sequence[Sequence[Probe]], seeds: Sequence[tuple[Probe, ...]], chance: random.Random
) -> Iterable[tuple[Probe, ...]]:
    """Gives calls with each two arguments that rules can tell apart, at each two places; at the others stand
    arguments by chance, and those of calls that are known to be taken."""
    groups = [_by_token(axis) for axis in accepted]
    for (one, first), (other, second) in itertools.combinations(enumerate(groups), 2):
        for left, right in itertools.product(first, second):
            rest = [tuple(chance.choice(axis) for axis in accepted) for _ in range(_MIXED)]
            for call in (*rest, *seeds):
                made = list(call)
                made[one], made[other] = chance.choice(left), chance.choice(right)
                yield tuple(made)


def _by_token(axis: Sequence[Probe]) -> list[list[Probe]]:
    found: dict[str, list[Probe]] = defaultdict(list)
    for probe in axis:
        # Of numbers it is enough to know that they are.
        found[probe.kind.name if probe.kind.name == "INTEGER_LITERAL" else tokens(probe.kind)[0]].append(
            probe
        )
    return list(found.values())


def _few(axis: Sequence[Probe], most: int) -> list[Probe]:
    found: dict[str, list[Probe]] = defaultdict(list)
    for probe in axis:
        found[tokens(probe.kind)[0]].append(probe)
    return [probe for group in found.values() for probe in group[:most]]


def _groups(axis: Sequence[Probe], least: int, chance: random.Random) -> list[Probe]:
    """Takes whole groups at random until there are enough."""
    words = list(dict.fromkeys(tokens(probe.kind)[0] for probe in axis))
    chance.shuffle(words)
    found: list[Probe] = []
    for word in words:
        if len(found) < least:
            found += [probe for probe in axis if tokens(probe.kind)[0] == word]
    return found
