"""Tests of the shell: durable state, journal, execution, reads, the event loop, whole stories."""
