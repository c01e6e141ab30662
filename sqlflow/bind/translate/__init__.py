"""Writes a bound query in another dialect."""
