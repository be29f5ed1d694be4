"""The contenders: each reads the same log, does the same to every record and writes the same rows, in its own way."""
