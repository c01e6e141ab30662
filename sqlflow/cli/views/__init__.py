"""How diagnostics, events and tables look to people, and to programs."""
