"""Gives these tests their projects."""

from __future__ import annotations

from tests.apply.engines import duck, pg, project

__all__ = ["duck", "pg", "project"]
