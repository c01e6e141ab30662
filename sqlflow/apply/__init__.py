"""From a plan to what happened: the only place that writes to a warehouse."""
