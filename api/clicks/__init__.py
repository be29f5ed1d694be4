"""Raw clicks: streamed from ClickHouse to whoever asks, whatever their number."""
