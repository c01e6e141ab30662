"""Rules for the calls of one function or operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlflow.core.schema import SqlType
from sqlflow.dialect.rules.templates import Arguments, Template, template
from sqlflow.dialect.rules.tokens import tokens

ANY = "*"
# A set of tokens for each argument; None is the set of all.
Sets = tuple[frozenset[str] | None, ...]


def accepts(sets: Sets, arguments: Sequence[tuple[str, ...]]) -> bool:
    """Says whether each of the arguments, given by its tokens, is in its set."""
    return all(
        allowed is None or not allowed.isdisjoint(given)
        for allowed, given in zip(sets, arguments, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a call gives where each argument is one of the set."""

    gives: Template
    takes: Sets

    def matches(self, arguments: Sequence[tuple[str, ...]]) -> bool:
        """Says whether the rule speaks of such arguments, each given by its tokens."""
        return accepts(self.takes, arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one name by the number of arguments; `variadic` ones hold for every number from one on."""

    by_arity: Mapping[int, tuple[Rule, ...]]
    variadic: tuple[Rule, ...] = ()

    def find(self, types: Sequence[SqlType]) -> int | None:
        """Gives the place of the rule for just so many arguments of such types."""
        given = [tokens(kind) for kind in types]
        rules = self.by_arity.get(len(given), ())
        return next((index for index, rule in enumerate(rules) if rule.matches(given)), None)

    def result(self, arguments: Arguments) -> SqlType | None:
        """Gives the type by the first rule that matches, or None."""
        place = self.find(arguments.raw)
        if place is not None:
            return self.by_arity[len(arguments.raw)][place].gives(arguments)
        given = [tokens(kind) for kind in arguments.raw]
        for rule in self.variadic:
            if given and all(rule.matches((one,)) for one in given):
                return rule.gives(arguments)
        return None


def read_rules(data: Mapping[str, Sequence[Sequence[str]]], sets: Mapping[str, str]) -> Rules:
    """Reads rules as they are written: by arity or `*`, each a template and a set for each argument.

    A set is written `INTEGER|BIGINT`, `@numbers` where `sets` has it under that name, or `*`.
    """
    read = {arity: tuple(_rule(rule, sets) for rule in rules) for arity, rules in data.items()}
    return Rules(
        by_arity={int(arity): rules for arity, rules in read.items() if arity != ANY},
        variadic=read.get(ANY, ()),
    )


def _rule(rule: Sequence[str], sets: Mapping[str, str]) -> Rule:
    text, *takes = rule
    return Rule(gives=template(text), takes=tuple(read_set(allowed, sets) for allowed in takes))


def read_set(text: str, sets: Mapping[str, str]) -> frozenset[str] | None:
    """Reads a set of tokens; None for the set of all."""
    if text == ANY:
        return None
    return frozenset((sets[text[1:]] if text.startswith("@") else text).split("|"))
