"""The shell around any strategy: event loop, execution, durable state, journal, log.

May wait, read clocks and write files; decides nothing. Knows ports, never a venue's wire format.
"""
