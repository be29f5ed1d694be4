"""The API: aggregates over clicks, and the management of links."""
