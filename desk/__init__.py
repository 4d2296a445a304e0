"""What the desk thinks with: vocabulary, strategy, engine, venue formats, embedded venues.

Nothing in here imports a file of the root: what you run lives there, what it thinks with here.
"""
