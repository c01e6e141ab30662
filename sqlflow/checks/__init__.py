"""From data tests to queries that give the rows that are wrong."""
