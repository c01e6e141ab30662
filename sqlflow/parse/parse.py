"""Parses rendered queries into facts."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.span import LineIndex
from sqlflow.core.textmap import TextMap
from sqlflow.dialect.spec import DialectSpec
from sqlflow.parse.calls import unknown_calls, volatile_calls
from sqlflow.parse.scope import cte_names, output_names, qualifiers, tables_read
from sqlflow.parse.types import Parsed, ParsedQuery, QueryKey
from sqlflow.render.types import Rendered, RenderedQuery

# Words that sqlglot has a parser of statements for, and that a query may begin with.
_QUERY_WORDS = frozenset({TokenType.PIVOT, TokenType.UNPIVOT, TokenType.SEMICOLON})
_WRITING_WORDS = frozenset(
    {TokenType.INSERT, TokenType.UPDATE, TokenType.DELETE, TokenType.MERGE, TokenType.INTO}
)
_WORDS = tuple(
    re.findall(
        r"\w+",
        """
    SELECT DISTINCT FROM WHERE GROUP ORDER HAVING QUALIFY LIMIT OFFSET UNION INTERSECT EXCEPT WITH RECURSIVE
    JOIN INNER LEFT RIGHT FULL OUTER CROSS NATURAL USING CASE WHEN THEN ELSE END BETWEEN EXISTS OVER PARTITION
    """,
    )
)
# Frames of Python's; the parser takes about 25 a level of brackets.
_RECURSION = 10_000
# Subscripts one behind the other: sqlglot looks through all of them again at each.
_MOST_SUBSCRIPTS = 100
# A line, which is that of the text's end, and the offset in the text.
_MISSING_FROM = re.compile(r"Missing .* from \d+:(\d+)")


def parse(rendered: Rendered, spec: DialectSpec) -> tuple[Parsed, tuple[Diagnostic, ...]]:
    """Parses every query of a project; those that fail are left out and have a diagnostic."""
    queries: dict[QueryKey, ParsedQuery] = {}
    diagnostics: list[Diagnostic] = []
    for key, query in queries_of(rendered).items():
        parsed, wrong = parse_query(query.text, query.map, spec)
        diagnostics.extend(wrong)
        if parsed is not None:
            queries[key] = parsed
    return Parsed(queries=queries), tuple(dict.fromkeys(diagnostics))


def queries_of(rendered: Rendered) -> Mapping[QueryKey, RenderedQuery]:
    """Gives every query of the models and singular tests under its key."""
    out: dict[QueryKey, RenderedQuery] = {}
    for model in rendered.models.values():
        if model.full is not None:
            out[QueryKey(model.id, "full")] = model.full
        if model.incremental is not None:
            out[QueryKey(model.id, "incremental")] = model.incremental
    for test in rendered.tests.values():
        out[QueryKey(test.id, "full")] = test.query
    return out


@contextmanager
def deep_nesting() -> Generator[None]:
    """Lets sqlglot's parser, which recurses, read queries as deep as people and generators write them.

    Python's own frames take no room on the C stack, so a higher limit costs memory alone.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def parse_query(
    text: str, text_map: TextMap, spec: DialectSpec
) -> tuple[ParsedQuery | None, tuple[Diagnostic, ...]]:
    """Parses one query; a text that is not exactly one query is a diagnostic."""
    try:
        dialect = sqlglot.Dialect.get_or_raise(spec.name)
        tokens = dialect.tokenize(text)
        end = _end_of_query(tokens)
        while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
            tokens.pop()
        command = _command(tokens, dialect)
        if command is not None:
            return None, (_not_a_query(command, text_map),)
        if _has_long_chain(tokens):
            return None, (_too_deep(text_map),)
        with deep_nesting():
            trees = [tree for tree in dialect.parser().parse(tokens, text) if tree is not None]
    except ParseError as error:
        return None, (_syntax_error(error, text, text_map),)
    except TokenError as error:
        return None, (_token_error(error, text, text_map),)
    except RecursionError:
        return None, (_too_deep(text_map),)
    if not trees:
        message = (
            "there is no query in this file" if not text.strip() else "there are only comments in this file"
        )
        return None, (
            _diagnostic(
                Code.NOT_A_QUERY, message, text_map, 0, 1, help="write one SELECT, or set `enabled=false`"
            ),
        )
    if len(trees) > 1:
        semicolon = next(token for token in tokens if token.token_type is TokenType.SEMICOLON)
        return None, (
            _diagnostic(
                Code.NOT_A_QUERY,
                f"{len(trees)} statements where one query is expected",
                text_map,
                semicolon.start,
                semicolon.end + 1,
                label="the first one ends here",
                help="a model is one SELECT: what runs before or after it is a `pre_hook` or a `post_hook`",
            ),
        )
    return _facts(trees[0], tokens, text, text_map, spec, end)


def _facts(
    tree: exp.Expr, tokens: list[Token], text: str, text_map: TextMap, spec: DialectSpec, end: int
) -> tuple[ParsedQuery | None, tuple[Diagnostic, ...]]:
    writes = _writing(tree, tokens)
    if writes is None and not isinstance(tree, (exp.Query, exp.Values, exp.Pivot)):
        writes = tokens[0]
    if writes is not None:
        return None, (_not_a_query(writes, text_map),)
    try:
        return ParsedQuery(
            tables=tables_read(tree, tokens, text, spec),
            qualifiers=qualifiers(tree),
            ctes=cte_names(tree),
            outputs=output_names(tree),
            end=end,
            volatile=volatile_calls(tree, tokens, spec),
            unknown=unknown_calls(tree),
        ), ()
    except RecursionError:
        return None, (_too_deep(text_map),)


def _command(tokens: list[Token], dialect: sqlglot.Dialect) -> Token | None:
    """The first word of a statement that no query begins with.

    It is looked for before parsing: of a statement that sqlglot doesn't know it writes to the log.
    """
    statements = dialect.parser_class.STATEMENT_PARSERS.keys() - _QUERY_WORDS
    commands = statements | dialect.tokenizer_class.COMMANDS
    begins = True
    for token in tokens:
        if begins and token.token_type in commands:
            return token
        begins = token.token_type is TokenType.SEMICOLON
    return None


def _has_long_chain(tokens: list[Token]) -> bool:
    """Says whether subscripts follow on subscripts, as in `x[1][1]`, too often to be parsed in good time."""
    chains = [0]
    for before, token in pairwise(tokens):
        if token.token_type is TokenType.L_BRACKET:
            chains[-1] = chains[-1] + 1 if before.token_type is TokenType.R_BRACKET else 0
            if chains[-1] > _MOST_SUBSCRIPTS:
                return True
            chains.append(0)
        elif token.token_type is TokenType.R_BRACKET and len(chains) > 1:
            chains.pop()
    return False


def _writing(tree: exp.Expr, tokens: list[Token]) -> Token | None:
    """The word that makes a query write: of an INSERT after WITH, a DELETE in it, an INTO."""
    words = [token for token in tokens if token.token_type in _WRITING_WORDS]
    if not words:
        return None
    found = tree.find(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.MultitableInserts)
    if found is None:
        return None
    word = found.key.upper()
    return next((token for token in words if token.text.upper() == word), words[0])


def _not_a_query(first: Token, text_map: TextMap) -> Diagnostic:
    return _diagnostic(
        Code.NOT_A_QUERY,
        f"{first.text.upper()} is not a query",
        text_map,
        first.start,
        first.end + 1,
        label="a SELECT is expected here",
        help="sqlflow writes the statement that makes the table; the file holds the query alone",
    )


def _too_deep(text_map: TextMap) -> Diagnostic:
    return _diagnostic(
        Code.SQL_SYNTAX,
        "the query is nested too deeply to be read",
        text_map,
        0,
        1,
        help="write its inner parts as common table expressions, or as models of their own",
    )


def _end_of_query(tokens: list[Token]) -> int:
    """The end of the last token that is not a semicolon; comments after it are not part of the query."""
    for token in reversed(tokens):
        if token.token_type is not TokenType.SEMICOLON:
            return token.end + 1
    return 0


def _syntax_error(error: ParseError, text: str, text_map: TextMap) -> Diagnostic:
    detail = error.errors[0] if error.errors else {}
    highlight = str(detail.get("highlight") or "")
    start = end = 0
    line, column = detail.get("line"), detail.get("col")
    if isinstance(line, int) and isinstance(column, int):
        # sqlglot gives the column of the token's last character.
        end = LineIndex(text).line_bounds(line)[0] + column
        start = max(0, end - len(highlight))
        if text[start:end] != highlight:
            start = max(0, end - 1)
    description = str(detail.get("description") or error)
    near = f" at `{highlight}`" if highlight.strip() else ""
    return _diagnostic(
        Code.SQL_SYNTAX,
        f"the SQL does not parse{near}",
        text_map,
        start,
        end,
        label=_plain(description, highlight),
        help=_misspelled(text, start)
        or "look for a comma, a bracket or a word that is missing or too much, here or just before",
    )


def _misspelled(text: str, at: int) -> str:
    """Says which word of SQL may be meant by the first word, or by the ones at and before the error."""
    before = re.findall(r"\w+", text[max(0, at - 100) : at])[-1:]
    for word in (*re.findall(r"\A\s*(\w+)", text), *before, *re.findall(r"\A\w+", text[at : at + 100])):
        close = (
            get_close_matches(word.upper(), _WORDS, n=1, cutoff=0.75) if word.upper() not in _WORDS else []
        )
        if close:
            return f"did you mean `{close[0]}` instead of `{word}`?"
    return ""


def _plain(description: str, at: str) -> str:
    """Says sqlglot's description without the names of its classes."""
    if "Unexpected token" in description:
        return "unexpected"
    required = re.fullmatch(r"Required keyword: '\w+' missing for <class '[\w.]*\.(\w+)'>", description)
    if required:
        # A word of SQL is named; `EQ` or `Mul` would say nothing to who wrote `=` or `*`.
        word = required.group(1).upper()
        return f"{word} is not complete" if word == at.upper() else "something is missing here"
    if "CTE" in description:
        return "a SELECT is expected after WITH"
    description = re.sub(r" but got <Token .*", "", description, flags=re.DOTALL)
    return description[:1].lower() + description[1:]


def _token_error(error: TokenError, text: str, text_map: TextMap) -> Diagnostic:
    start = _unclosed(error, text)
    return _diagnostic(
        Code.SQL_SYNTAX,
        "a quote or comment is never closed",
        text_map,
        start,
        start + 1,
        label="it begins near here",
    )


def _unclosed(error: TokenError, text: str) -> int:
    """Where the quote or comment begins: sqlglot says it for quotes that have something in them."""
    cause: BaseException | None = error
    while cause is not None:
        found = _MISSING_FROM.search(str(cause))
        if found:
            return int(found.group(1))
        cause = cause.__cause__ or cause.__context__
    return len(text) - 1 if text.endswith(("'", '"')) else max(0, text.rfind("/*"))


def _diagnostic(
    code: Code, message: str, text_map: TextMap, start: int, end: int, *, label: str = "", help: str = ""
) -> Diagnostic:
    """Points at the template: where the text came from a macro, the call is the place, the macro a label."""
    frames = text_map.locate(start, max(end, start + 1))
    return Diagnostic(
        code=code,
        message=message,
        span=frames[0] if frames else None,
        label=label,
        labels=tuple(Label(span, "written by this macro") for span in frames[1:]),
        help=help,
    )
