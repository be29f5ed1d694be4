-- Offsets that are written down as erased by a request and have a row, whatever it says.
SELECT count()
FROM events
WHERE edition = 0 AND ($places)
