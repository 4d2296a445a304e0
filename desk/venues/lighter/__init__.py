"""Lighter's half of the wire: formats, signing, nonces, requests and frames.

The client that puts them together is `lighter_client.py` at the root.
"""
