"""Benchmarks: what `weir bench` runs. They need the source tree, since the peers run Weir's functions from it."""
