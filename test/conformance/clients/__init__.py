"""Scripts that run inside the foreign environments, one per client and venue.

They import the standard library, the foreign client and each other: never `desk`.
"""
