"""The storm of bytes: the whole bot with its real clients, whose connections to the embedded venues
are lost, late, broken and garbled on virtual time. May know everything; nothing knows it."""
