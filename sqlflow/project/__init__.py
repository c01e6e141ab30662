"""From the files of a project to its declarations."""
