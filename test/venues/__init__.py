"""Signing, wire formats and plumbing of both venues."""
