-- An insert writes one file instead of two for each of seventy columns: half of the cost of a small insert, measured.
-- Merges make parts of files by column out of them from 128 MiB on.
ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 134217728;
