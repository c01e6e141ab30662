"""From a program and a selection to what will be done."""
