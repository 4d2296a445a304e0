"""What people see: tables and lines for a terminal, drawn from decisions and nothing else.

Reads records, never the trading loop's state from behind. Draws; decides nothing, sends nothing,
keeps nothing.
"""
