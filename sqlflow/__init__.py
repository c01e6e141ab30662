"""A SQL-first transformation compiler."""

__version__ = "0.1.0"
