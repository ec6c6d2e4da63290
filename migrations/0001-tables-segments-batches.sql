-- The first catalog: what a database is, its tables, the segment files that hold their rows, and the messages in each
-- segment. Identifiers are given out by storage; AUTOINCREMENT only remembers the highest one ever used
-- (sqlite_sequence), so that an identifier is never used twice, also when its rows are gone. Offsets and lengths are
-- bytes within a segment file.

CREATE TABLE migrations (
  version INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  applied_ms INTEGER NOT NULL
) STRICT;

-- One row. clean_stop is 1 only while no process has the catalog open and the last one closed it in order.
CREATE TABLE database (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  database_id TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  clean_stop INTEGER NOT NULL CHECK (clean_stop IN (0, 1))
) STRICT;

-- Small values under a name, such as secrets.
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per snapshot. `what` lists the kinds of change in it, for people.
CREATE TABLE commits (
  commit_id INTEGER PRIMARY KEY CHECK (commit_id > 0),
  time_ms INTEGER NOT NULL,
  what TEXT NOT NULL
) STRICT;

CREATE TABLE tables (
  table_id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  directory TEXT NOT NULL UNIQUE,
  created_commit INTEGER NOT NULL,
  dropped_commit INTEGER
) STRICT;

CREATE UNIQUE INDEX live_table_names ON tables (name COLLATE NOCASE) WHERE dropped_commit IS NULL;

-- The versions of a table's schema; the one with the highest commit is in force. field_ids is a JSON array, one number
-- for each top-level field in order.
CREATE TABLE schemas (
  table_id INTEGER NOT NULL REFERENCES tables (table_id),
  created_commit INTEGER NOT NULL,
  schema BLOB NOT NULL,
  field_ids TEXT NOT NULL CHECK (json_valid(field_ids)),
  PRIMARY KEY (table_id, created_commit)
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
  segment_id INTEGER PRIMARY KEY AUTOINCREMENT,
  table_id INTEGER NOT NULL REFERENCES tables (table_id),
  state TEXT NOT NULL CHECK (state IN ('active', 'sealed', 'obsolete')),
  committed_length INTEGER NOT NULL CHECK (committed_length >= 0),
  row_count INTEGER NOT NULL CHECK (row_count >= 0),
  batch_count INTEGER NOT NULL CHECK (batch_count >= 0),
  file_length INTEGER NOT NULL CHECK (file_length = 0 OR file_length >= committed_length),
  created_commit INTEGER NOT NULL,
  retired_commit INTEGER,
  retire_at_ms INTEGER,
  CHECK ((state = 'obsolete') = (retired_commit IS NOT NULL)),
  CHECK ((retired_commit IS NULL) = (retire_at_ms IS NULL))
) STRICT;

CREATE INDEX segments_by_table ON segments (table_id);

-- One row per stored message. kind: 0 record batch, 1 dictionary batch. Keyed by its place, so that a segment's
-- messages lie together in file order. No foreign key: a row is written only in the transaction that writes its
-- segment's length.
CREATE TABLE batches (
  segment_id INTEGER NOT NULL,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
  offset INTEGER NOT NULL CHECK (offset >= 0),
  header_length INTEGER NOT NULL CHECK (header_length > 0),
  body_length INTEGER NOT NULL CHECK (body_length >= 0),
  row_count INTEGER NOT NULL CHECK (row_count >= 0),
  crc32 INTEGER NOT NULL CHECK (crc32 BETWEEN 0 AND 4294967295),
  commit_id INTEGER NOT NULL,
  statistics BLOB NOT NULL,
  PRIMARY KEY (segment_id, ordinal)
) STRICT, WITHOUT ROWID;
