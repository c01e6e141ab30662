"""The command line: commands, and the views over events and diagnostics."""
