"""DuckDB's parser for test/sql-parity/judges.ts.

Reads a JSON list of texts a line, and answers with a JSON list a line: for each text the number of its statements, or
the message of the parser's refusal. The line `null` asks for the words that DuckDB has as keywords.
"""

import json
import sys

import duckdb

db = duckdb.connect()


def words():
    return [row[0] for row in db.execute("SELECT DISTINCT keyword_name FROM duckdb_keywords() ORDER BY ALL").fetchall()]


def parse(sql):
    try:
        return len(db.extract_statements(sql))
    except duckdb.Error as error:
        return str(error).split("\n")[0]


for line in sys.stdin:
    texts = json.loads(line)
    print(json.dumps(words() if texts is None else [parse(sql) for sql in texts]), flush=True)
