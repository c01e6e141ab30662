"""The projects that are disturbed, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.safety.flights import EXAMPLE
from tests.safety.shop import SHOP
from tests.safety.subject import Subject

SUBJECTS: Mapping[str, Subject] = {subject.name: subject for subject in (SHOP, EXAMPLE)}
