"""Pacifica's REST and WebSocket, spoken by an embedded exchange.

Faithful enough that clients written by others run against it with only the base URL changed. Facts
about the venue stand beside the code that uses them; readings that are uncertain are in `switches`.
"""
