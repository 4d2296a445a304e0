"""What the desk thinks with: vocabulary, strategies, engine, venue wire formats and embedded venues.

Nothing in here imports a file of the repository's root: what you run lives there, what it thinks with lives here.
"""
