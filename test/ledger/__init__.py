"""Tests of `desk/ledger`."""
