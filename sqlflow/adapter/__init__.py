"""The seam between sqlflow and a warehouse."""
