"""Answers as bytes: which format a request wants, and how a table is written in it."""
