"""The dashboard: a picture of the bot that is drawn anew a few times a second at most.

`values` holds what it shows, `gather` makes such a value from what the bot and its feeds told,
`draw` turns it into text, `live` owns the terminal. Decides nothing, sends nothing.
"""
