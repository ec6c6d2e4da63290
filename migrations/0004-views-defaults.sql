-- Views, and what INSERT puts into columns that it is given no value for.

-- A view is the text of a query, which is bound anew at each use. Names are unique among living views and tables
-- together. columns is a JSON array: new names for the first columns of the query. A view that was dropped or replaced
-- stays until no snapshot that can be read has it.
CREATE TABLE views (
  name TEXT NOT NULL,
  created_commit INTEGER NOT NULL,
  dropped_commit INTEGER CHECK (dropped_commit > created_commit),
  columns TEXT NOT NULL CHECK (json_valid(columns)),
  sql TEXT NOT NULL,
  PRIMARY KEY (name, created_commit)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX live_view_names ON views (name COLLATE NOCASE) WHERE dropped_commit IS NULL;

-- A JSON object: by field id the SQL text of a constant expression, or null for a column whose default was taken away.
-- A column that it does not name gets what older segments read as (defaults), or NULL.
ALTER TABLE schemas ADD COLUMN insert_defaults TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(insert_defaults));
