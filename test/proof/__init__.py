"""Tests of the proof: that its players are honest, and that its arithmetic is right."""
