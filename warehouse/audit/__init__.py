"""The audit: what the log has given out against what is stored, number by number. It reads, and never mends."""
