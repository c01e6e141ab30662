"""Makes few rules of many answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlflow.core.schema import SqlType
from sqlflow.dialect.rules.templates import Arguments, Template, template
from sqlflow.dialect.rules.tokens import tokens

Answers = Mapping[tuple[SqlType, ...], SqlType]
# With many arguments, more rules than this tell what was asked by chance.
_MOST_RULES = 40
# A key is one token for each argument.
Cells = dict[tuple[str, ...], str]
Rule = list[str]

_PARTS = ("{}", "{}[]", "{}.item", "{}.item[]", "{}.item.item", "{}.item.item[]", "{}.key", "{}.value")
_PARTS_MORE = ("{}.key[]", "{}.value[]", "{}.a", "{}.b", "{}.a[]")
DECIMAL_COMMON = "DECIMAL(min(max(p1 - s1, p2 - s2) + max(s1, s2), 38), max(s1, s2))"
DECIMAL_LIMITED = (
    "DECIMAL(min(max(p1 - s1, p2 - s2) + max(s1, s2), 38), min(max(s1, s2), 38 - max(p1 - s1, p2 - s2)))"
)
DECIMALS = (
    "DECIMAL(38, s1)",
    "DECIMAL(p1, 0)",
    "DECIMAL(p1, min(s1, max(n2, 0)))",
    "DECIMAL(p1 + 1 if p1 <= 37 else 38, s1)",
    DECIMAL_COMMON,
    DECIMAL_LIMITED,
    "DECIMAL(max(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2)) "
    "when max(p1 - s1, p2 - s2) + max(s1, s2) <= 38 otherwise DOUBLE",
    "DECIMAL(min(max(p1 - s1, p2 - s2) + max(s1, s2) + 1, 38), max(s1, s2))",
    "DECIMAL(min(p1 + p2, 38) if max(p1, p2) > 18 else min(p1 + p2, 18) if s1 + s2 <= 18 else p1 + p2, "
    "s1 + s2)",
)


def candidates(arity: int) -> tuple[str, ...]:
    """Gives the templates that speak of the arguments."""
    found: list[str] = []
    for index in range(1, min(arity, 4) + 1):
        found += [part.format(f"${index}") for part in (*_PARTS, *_PARTS_MORE)]
    found += ["common(*)", "items(*)[]", "MAP($1, UBIGINT)", "STRUCT(key $1.key, value $1.value)[]"]
    if arity >= 2:
        found += [
            "common($1, $2)",
            "common($1.item, $2)",
            "common($1.item, $2)[]",
            "common($1, $2.item)[]",
            "common($1.item, $2.item)[]",
            "MAP($1.item, $2.item)",
            "common($2, $3)",
            "common($3, $2)",
            "common($1, $3)",
            "MAP(common($1.key, $2.key), common($1.value, $2.value))",
            "fields($1, $2)",
        ]
    return (*found, *DECIMALS)


class Compressor:
    """Finds rules for the answers of one function and one number of arguments."""

    def __init__(self, fill: Callable[[Sequence[SqlType]], Arguments], universe: Iterable[SqlType]) -> None:
        self._fill = fill
        self._families = families_of(universe)
        self._known: dict[str, Template] = {}
        self._made: dict[tuple[SqlType, ...], dict[SqlType, frozenset[str]]] = {}

    def _explaining(
        self, types: tuple[SqlType, ...], result: SqlType, texts: Sequence[str]
    ) -> frozenset[str]:
        """Gives the templates that make the result of the arguments."""
        found = self._made.get(types)
        if found is None:
            arguments = self._fill(types)
            by_result: dict[SqlType, list[str]] = defaultdict(list)
            for text in texts:
                if text not in self._known:
                    self._known[text] = template(text)
                kind = self._known[text](arguments)
                if kind is not None:
                    by_result[kind].append(text)
            found = {kind: frozenset(some) for kind, some in by_result.items()}
            # Functions share their pairs of arguments; of more there are too many to keep.
            if len(types) <= 2:
                self._made[types] = found
        return found.get(result, frozenset())

    def rules(self, answers: Answers, texts: Sequence[str] = ()) -> list[Rule]:
        """Gives rules `[template, set, ...]` that give every answer, or say nothing about it."""
        if not answers:
            return []
        arity = len(next(iter(answers)))
        if arity == 0:
            return [[str(answers[()])]]
        texts = texts or candidates(arity)
        if arity > 2:
            decided = self._decided(answers, texts)
            if decided:
                return decided
        chosen = self._choose(answers, texts)
        # With many arguments not all was asked: where more than one template is in play, chance decides
        # which of them seem to agree.
        if arity > 2 and len({text for text in chosen.values() if "$" in text or "(" in text}) > 1:
            return []
        found = boxes(cells_of(chosen, self._families))
        return found if arity <= 2 or len(found) <= _MOST_RULES else []

    def _decided(self, answers: Answers, texts: Sequence[str]) -> list[Rule]:
        """Gives rules where at most one of the arguments decides what they come to.

        Of many arguments not all combinations were asked; what is taken at one place, whatever stands at
        the others, and always comes to the same, is taken to do so everywhere.
        """
        arity = len(next(iter(answers)))
        best: tuple[int, list[Rule]] = (0, [])
        for place in (None, *range(arity)):
            by_token: dict[str, dict[tuple[SqlType, ...], SqlType]] = defaultdict(dict)
            for types, result in answers.items():
                by_token["" if place is None else tokens(types[place])[0]][types] = result
            given = {token: self._explaining_all(calls, texts) for token, calls in by_token.items()}
            settled = {token: some for token, some in given.items() if some}
            reach = sum(len(by_token[token]) for token in settled)
            if reach > best[0]:
                best = reach, self._by_token(settled, by_token, texts, arity)
            if reach == len(answers):
                break
        # What is left has no rule.
        return best[1] if best[0] * 2 > len(answers) else []

    def _by_token(
        self,
        left: dict[str, frozenset[str]],
        calls: Mapping[str, Iterable[tuple[SqlType, ...]]],
        texts: Sequence[str],
        arity: int,
    ) -> list[Rule]:
        """Gives a rule to each of the templates that it takes to explain all of the tokens."""
        rules: list[Rule] = []
        while left:
            counted = Counter(text for some in left.values() for text in some)
            best = max(counted, key=lambda text: (counted[text], -_order(text, texts), text))
            here = [types for token, some in left.items() if best in some for types in calls[token]]
            left = {token: some for token, some in left.items() if best not in some}
            rules.append([best, *(self._axis(types[index] for types in here) for index in range(arity))])
        return rules

    def _explaining_all(
        self, answers: Mapping[tuple[SqlType, ...], SqlType], texts: Sequence[str]
    ) -> frozenset[str]:
        """Gives the templates that explain all answers, a plain type among them."""
        results = set(answers.values())
        plain = len(results) == 1 and not any(_is_made(result, types) for types, result in answers.items())
        found: frozenset[str] | None = None
        for types, result in answers.items():
            here = self._explaining(types, result, texts)
            found = here if found is None else found & here
            if not found:
                break
        return (found or frozenset()) | (frozenset({str(next(iter(results)))}) if plain else frozenset())

    def _axis(self, kinds: Iterable[SqlType]) -> str:
        """Gives the set of the tokens of such arguments, wider ones for those that have all of their types.

        A number is as good as any other where the rule doesn't ask for its value.
        """
        words = {"INTEGER_LITERAL" if kind.name == "INTEGER_LITERAL" else tokens(kind)[0] for kind in kinds}
        for token, members in sorted(self._families.items(), key=lambda item: (-len(item[1]), item[0])):
            if members <= words:
                words = (words - members) | {token}
        return "|".join(sorted(words))

    def _choose(self, answers: Answers, texts: Sequence[str]) -> Cells:
        """Gives a template to each group of arguments that rules can't tell apart, one that explains all of
        its answers, and as few templates as it takes; a group that none explains has no rule."""
        groups: dict[tuple[str, ...], list[tuple[SqlType, ...]]] = defaultdict(list)
        for types in answers:
            groups[tuple(tokens(kind)[0] for kind in types)].append(types)
        explains: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for group, calls in groups.items():
            result = answers[calls[0]]
            if not any(_is_made(answers[types], types) for types in calls) and all(
                answers[types] == result for types in calls
            ):
                explains[str(result)].add(group)
            explaining: frozenset[str] | None = None
            for types in calls:
                here = self._explaining(types, answers[types], texts)
                explaining = here if explaining is None else explaining & here
                if not explaining:
                    break
            for text in explaining or ():
                explains[text].add(group)
        order = {text: -index for index, text in enumerate(texts, 1)}
        chosen: Cells = {}
        while explains:
            # The one that explains most; a plain type before one that is made from the arguments.
            best = max(explains, key=lambda text: (len(explains[text]), order.get(text, 0), text))
            here = explains.pop(best)
            if not here:
                break
            chosen |= dict.fromkeys(here, best)
            for some in explains.values():
                some -= here
        return chosen


def _order(text: str, texts: Sequence[str]) -> int:
    """A plain type comes before the templates, and those in their order."""
    return texts.index(text) + 1 if text in texts else 0


def _is_made(result: SqlType, types: Sequence[SqlType]) -> bool:
    """Whether a type can only be said in terms of the arguments: what their tokens do not tell."""
    if result.name in ("DECIMAL", "ENUM"):
        return True
    if result.parts and any(map(_is_vague, types)):
        return True
    return any(_is_made(kind, types) for _, kind in result.parts)


def _is_vague(kind: SqlType) -> bool:
    """Whether the tokens of a type leave out a part of it."""
    if kind.name in ("LIST", "ARRAY"):
        return any(_is_vague(part) for _, part in kind.parts)
    return bool(kind.parts)


Families = Mapping[str, frozenset[str]]


def families_of(universe: Iterable[SqlType]) -> Families:
    """Gives the wider tokens (LIST) of all types that were asked about, each with the closest ones in it."""
    found: dict[str, set[str]] = defaultdict(set)
    for kind in universe:
        closest, *wider = tokens(kind)
        for token in wider:
            found[token].add(closest)
    return {token: frozenset(members) for token, members in found.items() if len(members) > 1}


def cells_of(chosen: Cells, families: Families) -> Cells:
    """Joins the closest tokens of a family (LIST(INTEGER), LIST(DATE), ...) to the family's (LIST), one
    argument after the other, where all of them are taken and come to the same template."""
    cells = chosen
    for place in range(len(next(iter(cells), ()))):
        for token, members in sorted(families.items(), key=lambda item: (-len(item[1]), item[0])):
            cells = _join_family(cells, place, token, members)
    return cells


def _join_family(cells: Cells, place: int, token: str, members: frozenset[str]) -> Cells:
    rows: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for key, text in cells.items():
        rows[(*key[:place], *key[place + 1 :])][key[place]] = text
    found: Cells = {}
    for rest, row in rows.items():
        here = {row.get(member) for member in members}
        if len(here) == 1 and None not in here:
            row = {word: text for word, text in row.items() if word not in members}
            row[token] = next(iter(here)) or ""
        for word, text in row.items():
            found[(*rest[:place], word, *rest[place:])] = text
    return found


def boxes(cells: Cells) -> list[Rule]:
    """Joins cells of one template to boxes: a set of tokens for each argument."""
    by_text: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for key, text in cells.items():
        by_text[text].add(key)
    rules: list[Rule] = []
    for text, keys in sorted(by_text.items(), key=lambda item: (-len(item[1]), item[0])):
        rules += [[text, *box] for box in _join(keys)]
    return rules


def _join(keys: Iterable[tuple[str, ...]]) -> list[list[str]]:
    keys = list(keys)
    if len(keys[0]) == 1:
        return [["|".join(sorted(key[0] for key in keys))]]
    rests: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for first, *rest in keys:
        rests[first].add(tuple(rest))
    firsts: dict[frozenset[tuple[str, ...]], list[str]] = defaultdict(list)
    for first, rest in rests.items():
        firsts[frozenset(rest)].append(first)
    return sorted(["|".join(sorted(some)), *box] for rest, some in firsts.items() for box in _join(rest))


def name_sets(tables: Iterable[list[Rule]], least: int = 4) -> dict[str, str]:
    """Gives names to the sets with many tokens, by how often they stand in rules."""
    counted = Counter(part for rules in tables for rule in rules for part in rule[1:])
    big = [text for text, _ in counted.most_common() if text.count("|") >= least - 1]
    return {f"s{index}": text for index, text in enumerate(sorted(big, key=lambda t: (-counted[t], t)), 1)}
