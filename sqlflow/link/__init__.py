"""From names in queries to a graph of nodes."""
