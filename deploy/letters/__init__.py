"""Dead letters on the command line."""
