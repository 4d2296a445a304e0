"""One contract for every venue: what the desk may rely on, whoever answers.

The facts are written once, in the `test_*` modules here, and run against every candidate of
`candidates`. A fact may use the world behind the venue to move prices or time, never to ask what
the venue should have said.
"""
