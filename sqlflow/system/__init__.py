"""Files, clock and environment behind one protocol."""
