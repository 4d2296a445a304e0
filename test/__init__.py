"""Tests, and the tools they share. No network but loopback, no real waiting, no patching."""
