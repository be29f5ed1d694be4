-- Which letters were put back into the stream by `weir dead replay`.
ALTER TABLE dead_letters ADD COLUMN IF NOT EXISTS replayed_at DateTime64(3, 'UTC')
    DEFAULT toDateTime64(0, 3, 'UTC') COMMENT 'When it was put back into the stream; 1970-01-01: not yet' CODEC(ZSTD(1));

ALTER TABLE dead_letters COMMENT COLUMN payload 'The record''s value, cut at a limit, and addresses in it to their networks';
