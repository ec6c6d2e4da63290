-- Segments that replace others, tables whose schema changes, retention, exactly-once ingest, and damage that is
-- remembered.

-- Where a segment stands in its table's order. Appended segments come last, SPACING (2^20) after the one before; the
-- output of a rewrite stands between its input's neighbours. Never the same twice among the segments of one table that
-- a snapshot can see.
ALTER TABLE segments ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
UPDATE segments SET position = 1048576 * (
  SELECT count(*) FROM segments AS before
  WHERE before.table_id = segments.table_id
    AND (before.created_commit, before.segment_id) <= (segments.created_commit, segments.segment_id));

-- The version of the table's schema that a segment was written under.
ALTER TABLE segments ADD COLUMN schema_version INTEGER NOT NULL DEFAULT 1;

-- 1, 2, 3 … within a table. `defaults` is empty, or an Arrow IPC stream of one row, whose fields are named by the field
-- ids that have a default: what older segments read as in a column that they lack.
ALTER TABLE schemas ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE schemas ADD COLUMN defaults BLOB NOT NULL DEFAULT x'';
CREATE UNIQUE INDEX schema_versions ON schemas (table_id, version);

-- Retention: whole segments go when every value of the column is older than ttl_ms. The column by its field id.
ALTER TABLE tables ADD COLUMN ttl_field_id INTEGER;
ALTER TABLE tables ADD COLUMN ttl_ms INTEGER CHECK ((ttl_ms IS NULL) = (ttl_field_id IS NULL));

-- Who appends exactly once, and how far it came. kind: 0 a producer that numbers its batches or streams, 1 an
-- idempotency key (seq is then 1). row_count: rows stored by it in all.
CREATE TABLE producers (
  table_id INTEGER NOT NULL REFERENCES tables (table_id),
  kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
  name TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  row_count INTEGER NOT NULL CHECK (row_count >= 0),
  updated_ms INTEGER NOT NULL,
  PRIMARY KEY (table_id, kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX producers_by_time ON producers (kind, updated_ms);

-- The last results of each producer, to answer a repeated request with the first result. checksum: over the canonical
-- bytes of what was stored.
CREATE TABLE producer_results (
  table_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  seq INTEGER NOT NULL,
  checksum TEXT NOT NULL,
  commit_id INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  PRIMARY KEY (table_id, kind, name, seq)
) STRICT, WITHOUT ROWID;

-- Damage that was found in a segment's file; its table is read-only until `sheaf repair` has taken the row away.
CREATE TABLE damages (
  segment_id INTEGER PRIMARY KEY,
  byte_offset INTEGER NOT NULL CHECK (byte_offset >= 0),
  what TEXT NOT NULL,
  found_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX commits_by_time ON commits (time_ms);
