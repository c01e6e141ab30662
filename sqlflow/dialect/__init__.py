"""What differs between warehouses, as data, and the statements that are made from it."""
