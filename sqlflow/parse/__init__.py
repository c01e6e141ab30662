"""From SQL text to facts about it."""
