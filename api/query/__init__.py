"""A query goes parse → build → run → result, a file each."""
