"""The embedded venues: exchange arithmetic, wire servers, faults, virtual time, market models.

Simulated facts only. Nothing here reaches a real venue, and nothing outside depends on it but the
commands that offer a demo, a paper account or a test.
"""
