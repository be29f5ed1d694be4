"""Replay: stored clicks are judged again with today's rules, and held against what they were judged to be."""
