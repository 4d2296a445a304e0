"""What the owner is told when he is not looking: which events are worth a message, what to do about
each, and the ways it takes.

Decides nothing about trades and never waits: messages leave from a thread of their own.
"""
