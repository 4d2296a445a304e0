"""The dashboard, played on embedded venues: what it shows, how it looks, how it leaves."""
