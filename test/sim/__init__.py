"""The embedded venues, piece by piece: virtual time, market models, exchange, servers."""
