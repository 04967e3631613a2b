"""Shelfsense: which product types a shopping query means, and which popular query says the same."""
