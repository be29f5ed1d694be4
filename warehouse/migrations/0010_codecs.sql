-- How columns are packed, as measured on two million generated clicks (docs/benchmarks.md, "Bytes a click"): where packing
-- bits beats differences it is a tenth of the column to a seventh, and takes less CPU to write. What lies there keeps its
-- form until it is merged: nothing is rewritten, and workers go on meanwhile.
ALTER TABLE events
    MODIFY COLUMN append_time CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN ts CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN asn CODEC(T64, ZSTD(1)),
    MODIFY COLUMN kafka_partition CODEC(T64, ZSTD(1)),
    MODIFY COLUMN position CODEC(T64, ZSTD(1));

-- The columns without a codec of their own, whatever a server's configuration says: LZ4 makes them half as large again.
ALTER TABLE events MODIFY SETTING default_compression_codec = 'ZSTD(1)';

-- Answers ask for a time of click, and the table is ordered by that of its batch: where a part has none of it is known from
-- a few bytes. Of old parts it is worked out in the background, from one column.
ALTER TABLE events ADD INDEX IF NOT EXISTS ts_range ts TYPE minmax GRANULARITY 1;

ALTER TABLE events MATERIALIZE INDEX ts_range;
