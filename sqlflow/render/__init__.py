"""From templates to SQL text that knows where it came from."""
