"""The vocabulary that every stage shares; standard library only."""
