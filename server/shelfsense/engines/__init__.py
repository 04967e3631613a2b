"""Engines run the network; each implements `Engine` and is found by entry point, so nothing else imports torch."""
