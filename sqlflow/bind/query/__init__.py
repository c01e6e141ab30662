"""Binds one query: names, types, nullability and lineage of its columns, in one bottom-up walk."""
