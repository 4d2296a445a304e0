"""Lighter's signing scheme in pure Python, and the door to the venue's own signer library.

From the bottom up: `parameters`, `field`, `curve`, `poseidon2`, `schnorr`, `transactions` (what is
hashed), `limits` (what may be signed), `keys`, `library` (the wheel's shared library), `port` (what
a signer offers). No sockets, no clock, no randomness. The signers are in
`desk.venues.lighter.signer`; who only checks signatures needs nothing above `transactions`.
"""
