"""The pure half of both venue clients, and the plumbing they share.

Wire formats, signing, HTTP, streams and request limits of Lighter and Pacifica live here. Sockets
are opened only by the plumbing; no strategy, no state of the desk and no clock of its own.
"""
