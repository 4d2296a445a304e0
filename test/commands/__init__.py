"""Tests of what the root commands do."""
