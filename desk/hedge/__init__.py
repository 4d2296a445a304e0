"""The strategy: when to open a hedge, when to keep it, when to close it. Pure.

`decide(state, event) -> (state, actions, reason)` is the whole bot. No clock, no I/O, no
randomness, no log: time, prices and answers arrive inside events, so that a year runs in minutes
and a test needs no patching.
"""
