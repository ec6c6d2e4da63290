-- CRC-32 of the row itself: of its ten numbers as float64 (segment, ordinal, kind, offset, header and body length, rows,
-- crc32, commit, bytes of statistics), then of the statistics. NULL in rows that an older release wrote.
ALTER TABLE batches ADD COLUMN row_crc32 INTEGER CHECK (row_crc32 BETWEEN 0 AND 4294967295);
