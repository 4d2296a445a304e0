"""What the root commands do, once they know what was asked and have built their venues.

How a start goes, one life of the bot, the owner's words to a running one, the panic close. Venues
come in from outside: nothing here builds a client, and no command knows another one.
"""
