"""References that are written as text: `ref('orders')`, `source('raw', 'orders')`."""

from __future__ import annotations

import re

from sqlflow.project.types import RefTarget

_ARGUMENT = r"""\s*(?:'([^'"\\\n]+)'|"([^'"\\\n]+)")\s*"""
_CALL = re.compile(rf"\s*(ref|source)\s*\({_ARGUMENT}(?:,{_ARGUMENT})?,?\s*\)\s*\Z")
_NAME = re.compile(r"\s*([^\W\d]\w*(?:\.[^\W\d]\w*){0,2})\s*\Z")


def parse_reference(text: str) -> RefTarget | None:
    """Reads a reference: a call of `ref` or `source` with texts, or a plain name with up to three parts.

    Gives None where the text is anything else; nothing is evaluated.
    """
    name = _NAME.match(text)
    if name is not None:
        return RefTarget("name", tuple(name[1].split(".")))
    call = _CALL.match(text)
    if call is None:
        return None
    parts = tuple(part for part in call.groups()[1:] if part is not None)
    if call[1] == "source" and len(parts) != 2:
        return None
    return RefTarget(call[1], parts)
