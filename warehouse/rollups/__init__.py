"""Rollups: small tables made from `events`, and the books that say which of their rows are in the answers."""
