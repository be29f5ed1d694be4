"""The warehouse: the row of a click, ClickHouse's schema, the writer and the ledger that proves the count."""
