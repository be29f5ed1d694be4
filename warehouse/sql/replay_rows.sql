-- How many rows an edition has by the pieces that were judged, and how many of them changed.
SELECT sum(rows), sum(changed) FROM replay_changes FINAL WHERE edition = {edition:UInt32}
