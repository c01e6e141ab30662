"""The canonical form of a bound query: equal for two texts that mean the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token

from sqlflow.bind.canonical.apart import Apart, Split
from sqlflow.bind.canonical.context import Context, Sink
from sqlflow.bind.canonical.parts import split_query
from sqlflow.bind.canonical.queries import write_query
from sqlflow.bind.canonical.reads import Reads, find_reads
from sqlflow.bind.canonical.survey import calls_any, survey
from sqlflow.bind.canonical.words import all_words, lost_words
from sqlflow.bind.query.meanings import Meanings
from sqlflow.dialect.spec import DialectSpec

# To be raised with each change after which a query may have another form.
CANONICAL_VERSION = 1


def canonical(
    tree: exp.Expr,
    tokens: Sequence[Token],
    text: str,
    meanings: Meanings,
    spec: DialectSpec,
    *,
    relation: Callable[[exp.Table], str | None],
    spell: Callable[[str], str] = str,
    is_known: Callable[[str], bool] = lambda _: False,
    sink: Sink | None = None,
) -> str:
    """Gives the canonical form of a query that was bound, in lines of text.

    `tree` was parsed from `tokens`, which are those of `text`; binding it filled `meanings`. `relation`
    gives what a table outside the query is, whatever its name; None for a name that says it. `spell` writes
    the placeholders in a text as what they stand for. `is_known` says whether the engine has a function by
    itself: any other may have effects. `sink` takes the clauses of each SELECT, with columns written by the
    names of tables.

    Two queries of equal forms give the same rows, column names and types over the same tables, as far as
    the engine decides that at all: which of rows that compare as equal come first it doesn't. The operands
    of AND and OR have no order: engines evaluate them in an order of their own, so where it decides whether
    a division by zero or a cast fails, that a query fails is not a part of what it means. The same holds
    within the conditions of CASE, but not for their order. Where an operand calls a function that gives
    something else each time, or that isn't known, the operands stay as they are written.

    What is not understood is written as it stands in the tree, with the words of the text that the tree
    doesn't account for. Types of columns are not in the form: they follow from those of the tables read.
    """
    try:
        contexts = _contexts(
            tree, tokens, text, meanings, spec, relation=relation, spell=spell, is_known=is_known, sink=sink
        )
        context = next(contexts)
        written = write_query(tree, context, True)
        if context.lacks_names:
            context = next(contexts)
            written = write_query(tree, context, True)
    except RecursionError:
        return f"{_head(spec)} text {all_words(tokens, spell)}"
    more = f" {all_words(tokens, spell)}" if context.made_up else ""
    return f"{_head(spec)} {written} {_unaccounted(context)}{more}"


def canonical_apart(
    tree: exp.Expr,
    tokens: Sequence[Token],
    text: str,
    meanings: Meanings,
    spec: DialectSpec,
    *,
    relation: Callable[[exp.Table], str | None],
    is_known: Callable[[str], bool],
    apart: Apart,
) -> Split | None:
    """Writes a bound query with its columns apart; None where something in it is not understood.

    The arguments are those of `canonical`; `apart` has what counts as another column each time.
    """
    try:
        contexts = _contexts(
            tree, tokens, text, meanings, spec, relation=relation, is_known=is_known, apart=apart
        )
        context = next(contexts)
        found = split_query(tree, context)
    except RecursionError:
        return None
    if context.verbatim or context.lacks_names or apart.undecided:
        return None
    return found._replace(rows=f"{_head(spec)} {found.rows} {_unaccounted(context)}")


def _contexts(
    tree: exp.Expr,
    tokens: Sequence[Token],
    text: str,
    meanings: Meanings,
    spec: DialectSpec,
    *,
    relation: Callable[[exp.Table], str | None],
    spell: Callable[[str], str] = str,
    is_known: Callable[[str], bool],
    sink: Sink | None = None,
    apart: Apart | None = None,
) -> Iterator[Context]:
    """Gives what a writing goes by, and where that was not enough, what it goes by with all names."""
    seen = survey(tree, text, spec)
    changing = seen.changing | {name for name in seen.unknown if not is_known(name)}
    changing -= spec.stable_functions

    def is_volatile(node: exp.Expr) -> bool:
        return bool(changing or seen.samples) and calls_any(node, changing, text)

    words = lost_words(tokens, seen.starts, seen.keys, spell)
    reads = find_reads(tree, spec) if seen.has_with else Reads()
    for verbatim in (False, True):
        yield Context(
            spec=spec,
            meanings=meanings,
            text=text,
            words=words,
            reads=reads,
            relation=relation,
            spell=spell,
            is_volatile=is_volatile,
            query=write_query,
            verbatim=verbatim or reads.unclear,
            sink=sink,
            has_columns=seen.has_columns,
            apart=apart,
        )


def _unaccounted(context: Context) -> str:
    """The words of the text that were written with no node."""
    words = context.words
    loose = [
        f"{words.before.get(start, '')};{words.after.get(start, '')}"
        for start in sorted({*words.before, *words.after} - context.used)
    ]
    return f"{words.joins} {loose}"


def _head(spec: DialectSpec) -> str:
    return f"{CANONICAL_VERSION} {spec.name}"
