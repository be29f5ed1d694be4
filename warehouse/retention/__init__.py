"""Retention: what is older than it has to be kept is dropped, by the month, and named in the ledger."""
