"""What the stream adds to a click: one enrichment a file, each a pure function of its input and explicit lookups."""
