"""Gives these tests their projects."""

from __future__ import annotations

from tests.apply.engines import duck, layout, pg, project

__all__ = ["duck", "layout", "pg", "project"]
