"""The vocabulary every other room speaks: markets, orders, fills, positions, outcomes, errors,
ports.

Pure data and pure functions only. Nothing here knows a clock, a socket, a file, a random number or
a logger, and nothing here belongs to one strategy or one venue.
"""
