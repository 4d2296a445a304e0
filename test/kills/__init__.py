"""The real daemon, killed at any moment, on embedded venues that stay: what must hold all the same.

Processes, sockets, files and clocks are real here. What is right is judged by the exchanges' own
books (`/_sim/truth`); the daemon's journal only tells when it is in which state.
"""
