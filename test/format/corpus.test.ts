/**
 * Files of other implementations in every text form: valid JSON with as many rows, lines and cells as there are.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readStream } from '../../src/arrow/ipc-stream.ts';
import { readCsv } from '../../src/format/csv-read.ts';
import { writeCsv } from '../../src/format/csv-write.ts';
import { writeJson } from '../../src/format/json-write.ts';
import { writeNdjson } from '../../src/format/ndjson-write.ts';
import { writeTable } from '../../src/format/table-write.ts';
import { bytesOf, listFrom, streamOf, textFrom } from './streams.ts';

const corpus = process.env['SHEAF_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const folder = join(corpus, 'arrow', 'cpp-21.0.0');
const skip = existsSync(folder) ? false : 'no corpus of Arrow files: set SHEAF_CORPUS to its directory';
const files = skip === false ? readdirSync(folder).filter((name) => name.endsWith('.stream')) : [];

test('the corpus has its files', { skip }, () => {
  assert.equal(files.length, 32);
});

for (const file of files) {
  test(`${file} is written in every form`, async () => {
    const { schema, batches } = await readStream(bytesOf(readFileSync(join(folder, file))));
    const all = await listFrom(batches);
    const rows = all.reduce((sum, batch) => sum + batch.rowCount, 0);
    const text = await textFrom(writeJson(schema, streamOf(all), { elapsedUs: () => 0 }));
    const json = JSON.parse(text) as { columns: string[]; data: unknown[][]; rows: number };
    assert.deepEqual([json.columns.length, json.data.length, json.rows], [schema.fields.length, rows, rows]);
    const lines = (await textFrom(writeNdjson(schema, streamOf(all)))).split('\n').slice(0, -1);
    assert.deepEqual(
      lines.map((line) => Object.values(JSON.parse(line) as object)),
      json.data,
    );
    const csv = await textFrom(writeCsv(schema, streamOf(all)));
    const back = await listFrom((await readCsv(bytesOf(csv), { header: true })).batches);
    assert.equal(
      back.reduce((sum, batch) => sum + batch.rowCount, 0),
      schema.fields.length === 0 ? 0 : rows,
    );
    const shown = await writeTable(schema, streamOf(all));
    assert.match(shown, new RegExp(`\\(${rows.toString()} rows?\\)\\n$`));
  });
}
