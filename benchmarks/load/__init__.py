"""Load on a running server: when requests arrive, what they ask, who sends them, and what it costs the server."""
