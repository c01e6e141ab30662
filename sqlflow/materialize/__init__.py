"""From a model, and what stands in the warehouse under its name, to the steps that build it."""
