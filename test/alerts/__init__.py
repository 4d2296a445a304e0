"""Alerts: what is worth one, what it says, and that sending it holds nothing up."""
