"""Tests of the strategy: pure functions, so no patches, no clocks, no waiting."""
