"""Where the events of runs are kept: a file, a server or the warehouse itself."""
