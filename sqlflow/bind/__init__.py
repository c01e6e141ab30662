"""From references to statements' text: names of the warehouse in the place of names of the project."""
