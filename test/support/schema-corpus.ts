/**
 * Queries for the promise that a schema is the same wherever it is told: every type, null or not, with metadata and
 * dictionaries, through scans, joins, aggregates, sorts, unions, and with no row at all.
 *
 * The rule: for each type a column of a table `every` that may be null and one of a table `strict` that may not, each
 * read in the ways below; some statements over several columns; and of each file of test/slt every fourth query.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Engine } from '../../src/engine/contract.ts';
import type { MemorySource } from './memory-source.ts';
import { makeRandom } from './random.ts';
import { SAMPLE_TYPES, randomVector } from './random-vector.ts';
import { INT64 } from './sample.ts';
import { readSltQueries } from './slt.ts';

const FOLDER = fileURLToPath(new URL('../slt/', import.meta.url));
const EVERY_NTH = 4;
const ROW_COUNT = 50;
/** Vectors of these types cannot be without nulls. */
const NEVER_STRICT = new Set(['null', 'union', 'run_end']);
const columnOf = (i: number): string => `c${i.toString()}`;
const STRICT = SAMPLE_TYPES.map((_, i) => i).filter((i) => !NEVER_STRICT.has(SAMPLE_TYPES[i]?.id ?? ''));

/** Statements over one column `c` of table `t`; those that its type does not have fail at every door alike. */
const WAYS = [
  'SELECT c FROM t',
  'SELECT c AS renamed, id FROM t WHERE id > 10',
  'SELECT c FROM t WHERE false',
  'SELECT c FROM t ORDER BY id DESC LIMIT 3',
  'SELECT max(c), count(c), first(c) FROM t',
  'SELECT c, count(*) FROM t GROUP BY c',
  'SELECT l.c, r.c FROM t l LEFT JOIN t r ON l.id = r.id + 40',
  'SELECT c FROM t UNION ALL SELECT NULL',
  'SELECT coalesce(c, NULL), CASE WHEN id > 3 THEN c END FROM t',
  'SELECT lag(c) OVER (ORDER BY id) FROM t',
];

const OTHERS = [
  'SELECT * FROM every',
  'SELECT * FROM strict',
  'FROM strict WHERE id < 0',
  'SELECT * FROM strict ORDER BY id LIMIT 5',
  'SELECT * FROM every JOIN strict USING (id)',
  'SELECT * EXCLUDE (id) FROM strict UNION ALL SELECT * EXCLUDE (id) FROM strict',
  'SELECT count(*), sum(id), avg(id), min(id), max(id) FROM strict',
  'SELECT id % 3 AS k, array_agg(id) FROM strict GROUP BY k HAVING count(*) > 100',
  'WITH a AS (SELECT id FROM strict), b AS (SELECT id FROM every) SELECT * FROM a LEFT JOIN b USING (id)',
  "SELECT 1, 'text', NULL, 1.5, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:00:00', true, [1, 2], {'a': 1}",
  'VALUES (1, NULL), (2, NULL)',
  'SHOW TABLES',
  'DESCRIBE strict',
  'EXPLAIN SELECT * FROM strict',
];

/** Fills the tables of `ownQueries`. */
export async function fillOwnTables(engine: Engine): Promise<void> {
  const random = makeRandom(11);
  const all = SAMPLE_TYPES.map((_, i) => i);
  for (const [name, chosen, nullable] of [
    ['every', all, true],
    ['strict', STRICT, false],
  ] as const) {
    const fields = chosen.map((i) => {
      return makeField(columnOf(i), SAMPLE_TYPES[i] ?? { id: 'null' }, nullable, [['of', `column ${i.toString()}`]]);
    });
    const schema = makeSchema([makeField('id', INT64, false), ...fields], [['source', name]]);
    const ids = Array.from({ length: ROW_COUNT }, (_, i) => BigInt(i));
    const columns = [
      buildVector(INT64, ids),
      ...fields.map(({ type }) => randomVector(type, ROW_COUNT, random, nullable)),
    ];
    const put = await engine.beginPut(name, schema);
    await put.write({ schema, rowCount: ROW_COUNT, columns });
    await put.commit();
  }
}

/** Queries over the tables of `fillOwnTables`. */
export function ownQueries(): readonly string[] {
  const over = (table: string, i: number): string[] => {
    return WAYS.map((sql) => sql.replaceAll(/\bc\b/gu, columnOf(i)).replaceAll(/\bt\b/gu, table));
  };
  return [
    ...OTHERS,
    ...SAMPLE_TYPES.flatMap((_, i) => over('every', i)),
    ...STRICT.flatMap((i) => over('strict', i)),
  ];
}

/** For each file of test/slt its tables, and every fourth of its queries. */
export function sltQueries(): readonly ReturnType<typeof readSltQueries>[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.slt'));
  return files.map((file) => {
    const { tables, queries } = readSltQueries(`${FOLDER}${file}`);
    return { tables, queries: queries.filter((_, i) => i % EVERY_NTH === 0) };
  });
}

/** Puts the tables of a file in place of those that there are. */
export async function fillTables(engine: Engine, tables: readonly MemorySource[]): Promise<void> {
  for (const { name } of engine.tables()) await engine.dropTable(name);
  for (const { name, schema, batches } of tables) {
    await engine.createTable(name, schema);
    const put = await engine.beginPut(name, schema);
    for (const batch of batches) await put.write(batch);
    await put.commit();
  }
}
