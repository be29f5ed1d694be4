"""The roller's service: keeps the rollups up to date, beside the worker and never in its way."""
