"""One module per command, each imported only when its command runs; each has a `command`."""
