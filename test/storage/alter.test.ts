/**
 * ALTER TABLE: columns that come, go and change their names, over segments that were written before.
 *
 * Method: a random walk of appends, alterations, deletes, compactions and opens is held against a model in plain
 * values, after each step by stored bytes and by scan; the older versions are read again at the end. Seeds are printed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { repeatVector } from '../../src/arrow/concat.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { BATCH_BYTES_MAX } from '../../src/base/limits.ts';
import type { Bound } from '../../src/arrow/source.ts';
import type { Storage, TableSnapshot } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';
import { FLOAT64, INT64, UTF8, rowsOf, schemaOf } from '../support/sample.ts';
import { pinFor, remove } from './edits.ts';
import { QUIET, SCHEMA, collect, count, numbered, openFor, put, tableIn, temporaryDirectory } from './fixture.ts';

const WORDS: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 32, signed: true },
  value: UTF8,
  ordered: false,
  dictionaryId: 0n,
};

function vectorOf(type: DataType, values: readonly Value[]): Vector {
  if (type.id !== 'dictionary') return buildVector(type, values);
  const words = [...new Set(values.filter((value) => value !== null))];
  const [validity, ...rest] = buildVector(
    type.index,
    values.map((value) => (value === null ? null : words.indexOf(value))),
  ).buffers;
  const dictionary = buildVector(type.value, words);
  const nullCount = values.filter((value) => value === null).length;
  const buffers = [validity ?? new Uint8Array(0), ...rest];
  return { type, length: values.length, nullCount, buffers, children: [], dictionary };
}

function batch(schema: Schema, rows: readonly (readonly Value[])[]): RecordBatch {
  const columns = schema.fields.map((field, i) =>
    vectorOf(
      field.type,
      rows.map((row) => row[i] ?? null),
    ),
  );
  return { schema, rowCount: rows.length, columns };
}

/** Rows by scan; those by stored bytes must be the same. */
async function rowsBothWays(table: TableSnapshot, what = ''): Promise<unknown[][]> {
  const columns = table.schema.fields.map((_, i) => i);
  const scanned = await rowsOf(table.scan({ columns, bounds: [], limit: undefined }));
  const sent = await collect(table.messages());
  assert.deepEqual(await rowsOf(table.messages()), scanned, what);
  for (const one of sent) {
    const decoded = one.batch();
    assert.deepEqual(decoded.schema.fields, table.schema.fields, what);
    assert.equal(decoded.columns.length, columns.length, what);
  }
  assert.equal(table.rowCount, scanned.length, what);
  return scanned;
}

async function rowsNow(storage: Storage, name = 't'): Promise<unknown[][]> {
  const snapshot = storage.snapshot();
  try {
    return await rowsBothWays(tableIn(snapshot, name));
  } finally {
    snapshot.release();
  }
}

function namesOf(storage: Storage): string[] {
  const snapshot = storage.snapshot();
  const names = tableIn(snapshot, 't').schema.fields.map((field) => field.name);
  snapshot.release();
  return names;
}

const add = (name: string, type: DataType, value?: Value, nullable = true) =>
  ({
    kind: 'add_column',
    field: makeField(name, type, nullable),
    default: value === undefined ? undefined : buildVector(type, [value]),
  }) as const;

test('columns come with nulls or defaults, change their names and go, over segments of every version', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), os: new MemoryOs(), bounds: QUIET });
  const first = schemaOf({ id: INT64, name: UTF8 });
  await put(
    storage,
    't',
    [
      batch(first, [
        [1n, 'a'],
        [2n, null],
      ]),
    ],
    first,
  );
  await storage.alterTable('t', add('note', UTF8));
  await storage.alterTable('t', add('price', FLOAT64, 2.5, false));
  assert.deepEqual(await rowsNow(storage), [
    [1n, 'a', null, 2.5],
    [2n, null, null, 2.5],
  ]);
  const second = schemaOf({ id: INT64, name: UTF8, note: UTF8, price: FLOAT64 });
  await put(storage, 't', [batch(second, [[3n, 'c', 'n', 7]])], second);
  await storage.alterTable('t', { kind: 'rename_column', column: 'NAME', to: 'label' });
  await storage.alterTable('t', { kind: 'drop_column', column: 'id' });
  assert.deepEqual(namesOf(storage), ['label', 'note', 'price']);
  assert.deepEqual(await rowsNow(storage), [
    ['a', null, 2.5],
    [null, null, 2.5],
    ['c', 'n', 7],
  ]);
  // A name that is free again is a new column: what was stored under it before does not come back.
  await storage.alterTable('t', add('id', INT64, 0n));
  await storage.alterTable('t', { kind: 'rename_column', column: 'note', to: 'name' });
  assert.deepEqual(namesOf(storage), ['label', 'name', 'price', 'id']);
  assert.deepEqual(
    (await rowsNow(storage)).map((row) => row[3]),
    [0n, 0n, 0n],
  );
  const report = await storage.compact('t');
  assert.equal(report.outputCount, 1);
  assert.equal(tableIn(pinFor(t, storage), 't').isByteCountExact, true);
  assert.deepEqual(await rowsNow(storage), [
    ['a', null, 2.5, 0n],
    [null, null, 2.5, 0n],
    ['c', 'n', 7, 0n],
  ]);
});

test('alterations that cannot be are refused by name, and change nothing', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), os: new MemoryOs(), bounds: QUIET });
  const only = schemaOf({ id: INT64 });
  await put(storage, 't', [batch(only, [[1n]])], only);
  const { version } = storage.status();
  const alter = (change: Parameters<Storage['alterTable']>[1]) => storage.alterTable('t', change);
  await assert.rejects(alter(add('ID', UTF8)), refusal('already_exists', 'table "t" has a column "id" already'));
  await assert.rejects(
    alter({ kind: 'drop_column', column: 'id' }),
    refusal('request_invalid', '"id" is the only column of table "t"; drop the table instead'),
  );
  await assert.rejects(
    alter({ kind: 'drop_column', column: 'x' }),
    refusal('not_found', 'table "t" has no column "x"; DESCRIBE lists them'),
  );
  await assert.rejects(
    alter({ kind: 'rename_column', column: 'x', to: 'y' }),
    refusal('not_found', 'table "t" has no column "x"; DESCRIBE lists them'),
  );
  const strict =
    'column "x" of table "t" would be NOT NULL without a default, and older rows have no value; give it a DEFAULT';
  await assert.rejects(alter(add('x', INT64, undefined, false)), refusal('request_invalid', strict));
  await assert.rejects(alter(add('x', INT64, null, false)), refusal('request_invalid', strict));
  const words = makeField('w', WORDS);
  await assert.rejects(
    alter({ kind: 'add_column', field: words, default: vectorOf(WORDS, ['a']) }),
    refusal('unimplemented', 'a column of a dictionary type cannot have a default; leave it out'),
  );
  await assert.rejects(
    alter({ kind: 'set_ttl', ttl: { column: 'id', ms: 1 } }),
    refusal(
      'request_invalid',
      'column "id" of table "t" is no timestamp and no date; retention goes by the age of such a column',
    ),
  );
  await assert.rejects(storage.alterTable('u', add('x', INT64)), refusal('not_found', 'there is no table "u"'));
  assert.equal(storage.status().version, version);
  await alter({ kind: 'rename_column', column: 'id', to: 'ID' });
  assert.deepEqual(namesOf(storage), ['ID']);
});

test('a stream begun before an alteration and committed after it is read by the new schema', async (t) => {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  const bounds = { ...QUIET, privateSegmentBytesMin: 20_000 };
  let storage = await openStorage({ directory, os, bounds });
  await put(storage, 't', [numbered(0, 2)]);
  const late = await storage.beginAppend('t', SCHEMA, { create: false });
  const large = await storage.beginAppend('t', SCHEMA, { create: false });
  await late.write(numbered(2, 2));
  await large.write(numbered(4, 1_000));
  await storage.alterTable('t', { kind: 'drop_column', column: 'value' });
  await storage.alterTable('t', add('extra', INT64, 9n, false));
  const begun = await storage.beginAppend('t', SCHEMA, { create: false });
  const [first, second, third] = begun.defaults;
  assert.deepEqual([first, second], [undefined, undefined]);
  assert.ok(third !== undefined && 'value' in third);
  const given = numbered(1_004, 2);
  const columns = [given.columns[0], given.columns[2], repeatVector(third.value, 2)] as Vector[];
  await begun.write({ schema: begun.schema, rowCount: 2, columns });
  await Promise.all([late.commit(), begun.commit()]);
  await large.commit();
  const ids = [...count(4), 1_004, 1_005, ...count(1_004).slice(4)];
  const expected = ids.map((id) => [BigInt(id), `row ${id.toString()}`, 9n]);
  assert.deepEqual(await rowsNow(storage), expected);
  await storage.close();
  storage = await openFor(t, { directory, os, bounds });
  assert.deepEqual(await rowsNow(storage), expected);
});

test('a snapshot from before an alteration keeps its schema, in this life and after an open', async (t) => {
  const directory = temporaryDirectory(t);
  let storage = await openStorage({ directory, bounds: QUIET });
  await put(storage, 't', [numbered(0, 3)]);
  const pinned = storage.snapshot();
  const { version } = pinned;
  await storage.alterTable('t', { kind: 'drop_column', column: 'name' });
  await storage.alterTable('t', { kind: 'rename_column', column: 'value', to: 'half' });
  const check = async (table: TableSnapshot): Promise<void> => {
    assert.deepEqual(
      table.schema.fields.map((field) => field.name),
      ['id', 'value', 'name'],
    );
    assert.deepEqual(await rowsBothWays(table), [
      [0n, 0, 'row 0'],
      [1n, 0.5, 'row 1'],
      [2n, 1, 'row 2'],
    ]);
  };
  await check(tableIn(pinned, 't'));
  await storage.compact('t');
  await check(tableIn(pinned, 't'));
  await check(tableIn(await storage.snapshotAt(version), 't'));
  pinned.release();
  await storage.close();
  storage = await openFor(t, { directory, bounds: QUIET });
  await check(tableIn(await storage.snapshotAt(version), 't'));
  assert.deepEqual(namesOf(storage), ['id', 'half']);
});

test('dictionary columns beside those that come and go keep their values', async (t) => {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  let storage = await openStorage({ directory, os, bounds: QUIET });
  const first = makeSchema([makeField('a', WORDS), makeField('b', WORDS)]);
  await put(
    storage,
    't',
    [
      batch(first, [
        ['x', 'p'],
        ['y', null],
      ]),
    ],
    first,
  );
  await storage.alterTable('t', { kind: 'drop_column', column: 'a' });
  await storage.alterTable('t', { kind: 'add_column', field: makeField('c', WORDS), default: undefined });
  const second = makeSchema([makeField('b', WORDS), makeField('c', WORDS)]);
  await put(
    storage,
    't',
    [
      batch(second, [
        ['q', 'k'],
        ['p', 'l'],
      ]),
    ],
    second,
  );
  const expected = [
    ['p', null],
    [null, null],
    ['q', 'k'],
    ['p', 'l'],
  ];
  assert.deepEqual(await rowsNow(storage), expected);
  await storage.close();
  storage = await openFor(t, { directory, os, bounds: QUIET });
  assert.deepEqual(await rowsNow(storage), expected);
  await storage.compact();
  assert.deepEqual(await rowsNow(storage), expected);
});

test('a long default does not make messages beyond the limit', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), os: new MemoryOs(), bounds: QUIET });
  await put(storage, 't', [numbered(0, 20_000)]);
  await storage.alterTable('t', add('long', UTF8, 'x'.repeat(1_000)));
  let rows = 0;
  for await (const each of tableIn(pinFor(t, storage), 't').messages()) {
    const { bodyBytes } = each.message();
    assert.equal(bodyBytes <= BATCH_BYTES_MAX + 65_536, true, `a message of ${bodyBytes.toString()} bytes`);
    rows += each.rowCount;
  }
  assert.equal(rows, 20_000);
});

test('bounds on a column that older segments lack, or have in another place, leave out no row', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), os: new MemoryOs(), bounds: QUIET });
  const first = schemaOf({ gone: INT64, id: INT64 });
  await put(
    storage,
    't',
    [
      batch(first, [
        [1n, 500n],
        [2n, 501n],
      ]),
    ],
    first,
  );
  await storage.alterTable('t', { kind: 'drop_column', column: 'gone' });
  await storage.alterTable('t', add('extra', INT64, 100n));
  const second = schemaOf({ id: INT64, extra: INT64 });
  await put(storage, 't', [batch(second, [[3n, 7n]])], second);
  const table = tableIn(pinFor(t, storage), 't');
  const find = async (column: number, operator: '>=' | '<' | 'is_null', value?: bigint): Promise<unknown[]> => {
    const bounds = [value === undefined ? { column, operator } : { column, operator, value }] as Bound[];
    return (await rowsOf(table.scan({ columns: [0], bounds, limit: undefined }))).flat();
  };
  assert.deepEqual(await find(1, '>=', 100n), [500n, 501n]);
  assert.deepEqual(await find(1, '<', 50n), [500n, 501n, 3n]);
  assert.deepEqual(await find(1, 'is_null'), [500n, 501n]);
  assert.deepEqual(await find(0, '>=', 500n), [500n, 501n]);
  assert.deepEqual(await find(0, '<', 500n), [3n]);
});

interface Column {
  readonly id: number;
  name: string;
  readonly type: DataType;
  readonly value: Value;
}

/** The table as plain values: rows by column id. */
class Model {
  columns: Column[] = [];
  rows: Map<number, Value>[] = [];
  #nextId = 1;

  column(name: string, type: DataType, value: Value): Column {
    return { id: this.#nextId++, name, type, value };
  }

  get schema(): Schema {
    return makeSchema(this.columns.map((column) => makeField(column.name, column.type)));
  }

  get values(): Value[][] {
    return this.rows.map((row) => this.columns.map(({ id, value }) => row.get(id) ?? (row.has(id) ? null : value)));
  }
}

const TYPES: readonly DataType[] = [INT64, FLOAT64, UTF8, WORDS];

function randomValue(type: DataType, random: Random): Value {
  if (random() < 0.15) return null;
  const number = Math.floor(random() * 50);
  if (type.id === 'int') return BigInt(number);
  return type.id === 'float' ? number / 2 : `text ${number.toString()}`;
}

async function alterOnce(storage: Storage, model: Model, random: Random): Promise<string> {
  // The first column numbers the rows and stays.
  const victim = model.columns[1 + Math.floor(random() * (model.columns.length - 1))];
  const name = `c${Math.floor(random() * 6).toString()}`;
  const isTaken = model.columns.some((column) => column.name === name);
  const kind = Math.floor(random() * 3);
  if (kind === 0 && !isTaken) {
    const type = TYPES[Math.floor(random() * TYPES.length)] ?? INT64;
    const value = type.id === 'dictionary' || random() < 0.5 ? null : randomValue(type, random);
    await storage.alterTable('t', add(name, type, value ?? undefined));
    model.columns.push(model.column(name, type, value));
    return `add ${name}`;
  }
  if (victim === undefined) return 'nothing';
  if (kind === 1) {
    await storage.alterTable('t', { kind: 'drop_column', column: victim.name });
    model.columns = model.columns.filter((column) => column !== victim);
    return `drop ${victim.name}`;
  }
  if (isTaken) return 'nothing';
  await storage.alterTable('t', { kind: 'rename_column', column: victim.name, to: name });
  const old = victim.name;
  victim.name = name;
  return `rename ${old} to ${name}`;
}

async function checkModel(storage: Storage, model: Model, random: Random, what: string): Promise<void> {
  const snapshot = storage.snapshot();
  const table = tableIn(snapshot, 't');
  assert.deepEqual(await rowsBothWays(table, what), model.values, what);
  // Pruning leaves out no row that satisfies the bound.
  const column = Math.floor(random() * model.columns.length);
  const type = model.columns[column]?.type.id;
  const value = type === 'int' ? BigInt(Math.floor(random() * 50)) : type === 'float' ? random() * 25 : 'text 2';
  const all = model.columns.map((_, i) => i);
  const found = await rowsOf(
    table.scan({ columns: all, bounds: [{ column, operator: '>=', value }], limit: undefined }),
  );
  const keys = new Set(found.map((row) => row[0]));
  for (const row of model.values) {
    const cell = row[column];
    if (cell === null || cell === undefined || !(cell >= value)) continue;
    assert.equal(keys.has(row[0]), true, `${what}: pruning lost a row`);
  }
  snapshot.release();
}

test('random walks of appends, alterations, deletes, compactions and opens agree with a model', async (t) => {
  const walks = Number(process.env['SHEAF_ALTER_WALKS'] ?? 2);
  t.diagnostic(`seeds 1 to ${walks.toString()}`);
  for (let seed = 1; seed <= walks; seed++) {
    const random = makeRandom(seed);
    const directory = temporaryDirectory(t);
    const os = new MemoryOs();
    const bounds = { ...QUIET, batchRowsMax: 8, privateSegmentBytesMin: 3_000 };
    let storage = await openStorage({ directory, os, bounds });
    const model = new Model();
    model.columns = [model.column('key', INT64, null), model.column('c0', UTF8, null)];
    let key = 0;
    const trail: string[] = [];
    const versions = new Map<number, { names: string[]; values: Value[][] }>();
    await storage.createTable('t', model.schema);
    for (let step = 0; step < 30; step++) {
      const dice = random();
      if (dice < 0.4) {
        const rows = count(1 + Math.floor(random() * 15)).map(() =>
          model.columns.map((column, i) => (i === 0 ? BigInt(key++) : randomValue(column.type, random))),
        );
        await put(storage, 't', [batch(model.schema, rows)], model.schema);
        for (const row of rows) model.rows.push(new Map(model.columns.map(({ id }, i) => [id, row[i] ?? null])));
        trail.push(`append ${rows.length.toString()}`);
      } else if (dice < 0.75) trail.push(await alterOnce(storage, model, random));
      else if (dice < 0.85) {
        const rest = Math.floor(random() * 5);
        await remove(storage, 't', (id) => id % 5 === rest);
        const [first] = model.columns;
        model.rows = model.rows.filter((row) => Number(row.get(first?.id ?? 0)) % 5 !== rest);
        trail.push(`delete ${rest.toString()}`);
      } else if (dice < 0.95) {
        await storage.compact('t');
        trail.push('compact');
      } else {
        await storage.close();
        storage = await openStorage({ directory, os, bounds });
        trail.push('open');
      }
      const what = `seed ${seed.toString()}: ${trail.join(', ')}`;
      await checkModel(storage, model, random, what);
      const names = model.columns.map((column) => column.name);
      versions.set(storage.status().version, { names, values: model.values });
    }
    for (const [version, { names, values }] of versions) {
      const snapshot = await storage.snapshotAt(version);
      const table = tableIn(snapshot, 't');
      const what = `seed ${seed.toString()}, version ${version.toString()}: ${trail.join(', ')}`;
      assert.deepEqual(
        table.schema.fields.map((field) => field.name),
        names,
        what,
      );
      assert.deepEqual(await rowsBothWays(table, what), values, what);
      snapshot.release();
    }
    await storage.close();
  }
});
