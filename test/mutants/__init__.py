"""Bugs planted one at a time, to see that the storm's invariants find them."""
