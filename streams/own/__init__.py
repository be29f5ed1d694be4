"""Enrichers of the users' own."""
