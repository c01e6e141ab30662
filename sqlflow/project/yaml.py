"""From the text of a YAML file to a tree in which every value knows its place.

PyYAML's parser gives the events; they are composed here without recursion, because its own composer
overflows the stack on deep nesting, and shared nodes stay shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.span import Span
from sqlflow.core.value import type_name
from sqlflow.project.nodes import ListNode, MappingNode, Node, Pair, ScalarNode, to_value
from sqlflow.project.scalars import BadScalarError, read_scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

MAX_DEPTH = 64
# How many values all aliases of one file may stand for together: far above any honest use.
MAX_ALIASED = 100_000

_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset(_CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp"))
_MERGE = "<<"


def read_yaml(text: str, path: str) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """Reads a file of one YAML document; the tree is None where it is empty or broken.

    Text is read as YAML 1.1, as dbt does (`yes` is true). A tree comes with errors where the mistakes
    leave something to read: double keys (the first one stays), keys that are not text, custom tags.
    """
    composer = _Composer(path, text)
    try:
        composer.run(_events(text))
    except _StopError:
        return None, tuple(composer.diagnostics)
    except Exception as error:  # PyYAML raises YAMLError, and ValueError on surrogates: all mean the text
        if not _is_yaml_error(error):
            raise
        composer.diagnostics.append(_broken(error, text, path))
        return None, tuple(composer.diagnostics)
    return composer.root, tuple(composer.diagnostics)


def _events(text: str) -> Iterator[yaml.Event]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.parse(text, Loader=loader)


def _is_yaml_error(error: Exception) -> bool:
    import yaml

    return isinstance(error, (yaml.YAMLError, UnicodeError))


class _StopError(Exception):
    """Ends composing after an error that leaves nothing to read."""


class _Key(NamedTuple):
    name: str | None
    span: Span


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    start: int
    flow: bool
    mapping: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list["Node"])
    pairs: dict[str, Pair] = field(default_factory=dict[str, Pair])
    merged: dict[str, Pair] = field(default_factory=dict[str, Pair])
    last: Span | None = None
    key: _Key | None = None
    size: int = 1
    height: int = 1


class _Anchored(NamedTuple):
    node: Node
    size: int
    height: int


class _Composer:
    """Builds the tree of one file's events."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.root: Node | None = None
        self.diagnostics: list[Diagnostic] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._aliased = 0
        self._documents = 0

    def run(self, events: Iterator[yaml.Event]) -> None:
        import yaml

        for event in events:
            start, end = event.start_mark.index, event.end_mark.index
            if isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event, start, end)
                self._anchor(event.anchor, node, 1, 1)
                self._add(node, 1, 1)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(cast("str", event.anchor), start, end)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._open(event, start, end)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self._close(end)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._document(start, end)

    def _span(self, start: int, end: int) -> Span:
        """Gives the span of a range without the white space at its end, which block values run over."""
        text = self.text
        if start < end <= len(text) and not text[end - 1].isspace():
            return Span(self.path, start, end)
        end = min(end, len(text))
        while end > start and text[end - 1].isspace():
            end -= 1
        return Span(self.path, min(start, end), end)

    def _report(self, code: Code, message: str, span: Span, label: str = "", help_: str = "") -> None:
        self.diagnostics.append(Diagnostic(code=code, message=message, span=span, label=label, help=help_))

    def _document(self, start: int, end: int) -> None:
        self._documents += 1
        if self._documents > 1:
            self._report(
                Code.BROKEN_YAML,
                "more than one YAML document",
                self._span(start, end),
                "a second document begins here",
                "put each document into a file of its own",
            )
            raise _StopError

    def _scalar(self, event: yaml.ScalarEvent, start: int, end: int) -> ScalarNode:
        span = self._span(start, end)
        tag = event.tag
        text: str = event.value
        if tag not in (None, "!") and tag not in _SCALAR_TAGS:
            self._refuse_tag(tag, start)
            return ScalarNode(value=text, text=text, span=span, failed=True)
        if "\0" in text:
            # No name, no path and no text of an engine can hold it.
            self._report(
                Code.INVALID_VALUE, "text can't hold a NUL character", span, help_="take the `\\0` out"
            )
            return ScalarNode(value=text, text=text, span=span, failed=True)
        if tag is None and not event.implicit[0]:
            tag = _CORE + "str"
        try:
            value = read_scalar(text, "str" if tag == "!" else tag and tag.removeprefix(_CORE))
        except BadScalarError as error:
            self._report(Code.INVALID_VALUE, str(error), span, help_="put it in quotes if it is text")
            return ScalarNode(value=text, text=text, span=span, failed=True)
        return ScalarNode(value=value, text=text, span=span)

    def _refuse_tag(self, tag: str, start: int) -> None:
        end = start
        while end < len(self.text) and not self.text[end].isspace():
            end += 1
        self._report(
            Code.INVALID_VALUE,
            f"the YAML tag {tag.replace(_CORE, '!!')} is not allowed",
            Span(self.path, start, end),
            help_="leave the tag out",
        )

    def _anchor(self, name: str | None, node: Node, size: int, height: int) -> None:
        if name is not None:
            self._anchors[name] = _Anchored(node, size, height)

    def _alias(self, name: str, start: int, end: int) -> None:
        span = self._span(start, end)
        found = self._anchors.get(name)
        if found is None:
            inside = any(frame.anchor == name for frame in self._stack)
            message = f"`*{name}` stands inside of what it names" if inside else f"no anchor `&{name}` above"
            self._report(Code.BROKEN_YAML, message, span)
            raise _StopError
        self._aliased += found.size
        if self._aliased > MAX_ALIASED:
            self._report(Code.BROKEN_YAML, f"the aliases stand for more than {MAX_ALIASED:,} values", span)
            raise _StopError
        self._check_depth(len(self._stack) + found.height, span)
        self._add(found.node, found.size, found.height, at=span)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, start: int, end: int) -> None:
        import yaml

        tag = event.tag
        mapping = isinstance(event, yaml.MappingStartEvent)
        if tag not in (None, "!", _CORE + ("map" if mapping else "seq")):
            self._refuse_tag(tag, start)
        self._check_depth(len(self._stack) + 1, self._span(start, max(end, start + 1)))
        # An anchor that is named again must not be found inside of its own new value.
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._stack.append(_Open(start, bool(event.flow_style), mapping, event.anchor))

    def _check_depth(self, depth: int, span: Span) -> None:
        if depth > MAX_DEPTH:
            self._report(Code.BROKEN_YAML, f"nested more than {MAX_DEPTH} levels deep", span)
            raise _StopError

    def _close(self, end: int) -> None:
        frame = self._stack.pop()
        if not frame.flow:
            # A block ends where its last value ends; the parser's mark lies at the next token.
            end = frame.last.end if frame.last is not None else end
        span = self._span(frame.start, end)
        node: Node
        if frame.mapping:
            node = MappingNode(pairs=tuple((frame.merged | frame.pairs).values()), span=span)
        else:
            node = ListNode(items=tuple(frame.items), span=span)
        self._anchor(frame.anchor, node, frame.size, frame.height)
        self._add(node, frame.size, frame.height)

    def _add(self, node: Node, size: int, height: int, at: Span | None = None) -> None:
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        frame.last = at or node.span
        if not frame.mapping:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node, at)
        else:
            self._pair(frame, frame.key, node)
            frame.key = None

    def _key(self, node: Node, at: Span | None) -> _Key:
        span = at or node.span
        if isinstance(node, ScalarNode) and (isinstance(node.value, str) or node.failed):
            return _Key(None if node.failed else node.value if isinstance(node.value, str) else None, span)
        spelled = node.text if isinstance(node, ScalarNode) else ""
        self._report(
            Code.WRONG_TYPE,
            f"a key is text, this is {type_name(to_value(node))}",
            span,
            help_=f'put it in quotes: "{spelled}"' if spelled else "write a name",
        )
        return _Key(None, span)

    def _pair(self, frame: _Open, key: _Key, node: Node) -> None:
        if key.name is None:
            return
        quoted = self.text[key.span.start : key.span.start + 1] in ("'", '"')
        if key.name == _MERGE and not quoted:
            self._merge(frame, node)
            return
        first = frame.pairs.get(key.name)
        if first is not None:
            self.diagnostics.append(
                Diagnostic(
                    code=Code.DUPLICATE_KEY,
                    message=f"the key `{key.name}` is there twice",
                    span=key.span,
                    label="again here",
                    labels=(Label(first.key_span, "first here"),),
                    help="leave one of them out",
                )
            )
            return
        if isinstance(node, ScalarNode) and node.span.start == node.span.end:
            node = ScalarNode(value=node.value, text=node.text, span=key.span)
        frame.pairs[key.name] = Pair(key.name, key.span, node)

    def _merge(self, frame: _Open, node: Node) -> None:
        parts = node.items if isinstance(node, ListNode) else (node,)
        for part in parts:
            if not isinstance(part, MappingNode):
                found = type_name(to_value(part))
                self._report(Code.WRONG_TYPE, f"`<<` takes a mapping, this is {found}", part.span)
                continue
            self._aliased += len(part.pairs)
            if self._aliased > MAX_ALIASED:
                message = f"the aliases stand for more than {MAX_ALIASED:,} values"
                self._report(Code.BROKEN_YAML, message, part.span)
                raise _StopError
            for pair in part.pairs:
                frame.merged.setdefault(pair.key, pair)


def _broken(error: Exception, text: str, path: str) -> Diagnostic:
    """Says what the parser stumbled over, where it did."""
    import yaml

    message, at = "this is not YAML", 0
    labels: tuple[Label, ...] = ()
    if isinstance(error, yaml.MarkedYAMLError):
        message = error.problem or error.context or message
        mark = error.problem_mark or error.context_mark
        at = mark.index if mark is not None else 0
        if error.context and error.context_mark is not None and error.context_mark.index < at:
            begin = min(error.context_mark.index, len(text))
            labels = (Label(_at(text, path, begin), error.context),)
    elif isinstance(error, yaml.reader.ReaderError):
        message, at = _bad_character(error, text)
    elif isinstance(error, UnicodeEncodeError):
        message, at = "a character that is half of a pair", error.start
    tab = "\t" in text[max(0, text.rfind("\n", 0, at) + 1) : at + 1] or "tab character" in message
    return Diagnostic(
        code=Code.BROKEN_YAML,
        message=f"broken YAML: {message}",
        span=_at(text, path, at),
        label="here",
        labels=labels,
        help="indent with spaces, not with tabs" if tab else "",
    )


def _bad_character(error: yaml.reader.ReaderError, text: str) -> tuple[str, int]:
    import yaml

    position = int(error.position)
    if hasattr(yaml, "CSafeLoader"):
        # libyaml counts bytes.
        position = len(text.encode("utf-8", "replace")[:position].decode("utf-8", "ignore"))
    found = text[position : position + 1]
    shown = f" U+{ord(found):04X}" if found else ""
    return f"the character{shown} is not allowed", position


def _at(text: str, path: str, offset: int) -> Span:
    """Gives the span of the character at an offset, or of the last one before it that shows."""
    offset = max(0, min(offset, len(text)))
    if offset < len(text) and (text[offset] == "\t" or not text[offset].isspace()):
        return Span(path, offset, offset + 1)
    while offset > 0 and text[offset - 1].isspace():
        offset -= 1
    return Span(path, max(0, offset - 1), offset)
