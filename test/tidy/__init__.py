"""House rules that ruff and mypy cannot express, each a function that yields findings.

A rule takes one source file, or all of them; a finding says where, what is wrong and what to do
instead. What is tested is in test_tidy.py. `python -m test.tidy` prints the figures to aim at.
"""
