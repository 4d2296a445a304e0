"""The storm: the whole bot on simulated venues, crashed, starved and lied to, and judged.

Each run is a function of its seed and its list of faults, so whatever goes wrong can be played
again and shrunk. What the bot decides lives in `desk.hedge`; the judge here knows nothing of how.
"""
