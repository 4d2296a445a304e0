"""Tests of what people see: tables, lines, the command line."""
