"""The stream: raw clicks from Kafka are enriched, judged and written to ClickHouse. Start at `streams.pipeline`."""
