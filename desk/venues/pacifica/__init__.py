"""Pacifica's half of the wire: formats, signing, requests and frames.

The client that puts them together is `pacifica_client.py` at the root.
"""
