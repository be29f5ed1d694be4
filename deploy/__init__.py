"""The command line `weir`, the local stack that it starts, and what a deployment needs."""
