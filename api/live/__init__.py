"""The live feed: figures and newest clicks, second by second, as server-sent events."""
