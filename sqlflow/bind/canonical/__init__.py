"""Says whether two texts of a query mean the same: a canonical form of a bound query, and differences."""
