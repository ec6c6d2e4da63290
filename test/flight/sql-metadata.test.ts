/**
 * Goal: the ten metadata commands answer under exactly the specification's schemas, filters mean what it says, and what
 * GetSqlInfo and GetXdbcTypeInfo claim of the dialect is so.
 *
 * Method: a real engine, asked through the door's own functions; claims are put to the test as statements.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { decodeSchema } from '../../src/arrow/ipc-schema.ts';
import { typeName } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { MessageTypes } from '../../src/flight/message-type.ts';
import { METADATA_COMMANDS } from '../../src/flight/sql-command.ts';
import type { MetadataCommand, MetadataName } from '../../src/flight/sql-command.ts';
import { metadataRows, metadataSchema } from '../../src/flight/sql-metadata.ts';
import { callerOf } from '../support/caller.ts';

const directory = mkdtempSync(join(tmpdir(), 'sheaf-metadata-'));
let engine: Engine;

before(async () => {
  engine = await open(directory);
  for (const sql of [
    'CREATE TABLE trades (id BIGINT NOT NULL, symbol VARCHAR, price DECIMAL(10,2), moment TIMESTAMPTZ)',
    'CREATE VIEW dear AS SELECT id, price FROM trades',
    'CREATE TABLE "a_b%c" (x INT)',
    'CREATE TABLE axbyc (x INT)',
    'CREATE TABLE gone (x INT)',
    'CREATE VIEW broken AS FROM gone',
    'DROP TABLE gone',
  ]) {
    await run(sql);
  }
});

after(async () => {
  await engine.close();
  rmSync(directory, { recursive: true });
});

/** The rows of a statement's answer. */
async function run(sql: string): Promise<readonly (readonly Value[])[]> {
  const result = await engine.query(sql);
  const rows: Value[][] = [];
  for await (const batch of result.batches()) {
    const readers = batch.batch().columns.map(makeReader);
    for (let row = 0; row < batch.rowCount; row++) rows.push(readers.map((read) => read(row)));
  }
  return rows;
}

async function accepts(sql: string): Promise<boolean> {
  try {
    await run(sql);
    return true;
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    assert.match(error.code, /^sql_/u, `${sql}: ${error.message}`);
    return false;
  }
}

/** A value that has to be text. */
function text(value: Value | undefined): string {
  assert.ok(typeof value === 'string');
  return value;
}

const NONE: { readonly [Name in MetadataName]: MessageTypes[Name] } = {
  CommandGetSqlInfo: { info: [] },
  CommandGetXdbcTypeInfo: {},
  CommandGetCatalogs: {},
  CommandGetDbSchemas: {},
  CommandGetTables: { table_types: [], include_schema: false },
  CommandGetTableTypes: {},
  CommandGetPrimaryKeys: { table: 'nothing' },
  CommandGetExportedKeys: { table: 'nothing' },
  CommandGetImportedKeys: { table: 'nothing' },
  CommandGetCrossReference: { pk_table: 'nothing', fk_table: 'trades' },
};

function command<Name extends MetadataName>(name: Name, fields: Partial<MessageTypes[Name]> = {}): MetadataCommand {
  return { name, fields: { ...NONE[name], ...fields } } as MetadataCommand;
}

async function ask<Name extends MetadataName>(
  name: Name,
  fields: Partial<MessageTypes[Name]> = {},
): Promise<readonly (readonly Value[])[]> {
  const batch = await metadataRows(callerOf(engine), command(name, fields));
  const readers = batch.columns.map(makeReader);
  for (const column of batch.columns) assert.equal(column.length, batch.rowCount);
  return Array.from({ length: batch.rowCount }, (_, row) => readers.map((read) => read(row)));
}

function show({ fields, metadata }: Schema): string {
  assert.deepEqual(metadata, []);
  return fields.map(({ name, type, nullable }) => `${name}: ${typeName(type)}${nullable ? '' : '!'}`).join(', ');
}

const FOREIGN =
  'pk_catalog_name: string, pk_db_schema_name: string, pk_table_name: string!, pk_column_name: string!, ' +
  'fk_catalog_name: string, fk_db_schema_name: string, fk_table_name: string!, fk_column_name: string!, ' +
  'key_sequence: int32!, fk_key_name: string, pk_key_name: string, update_rule: uint8!, delete_rule: uint8!';

/** The specification's, with ! for what is not null. */
const SCHEMAS: Readonly<Record<MetadataName, string>> = {
  CommandGetSqlInfo:
    'info_name: uint32!, value: dense_union<string_value: string not null=0, bool_value: bool not null=1, ' +
    'bigint_value: int64 not null=2, int32_bitmask: int32 not null=3, string_list: list<item: string> not null=4, ' +
    'int32_to_int32_list_map: map<entries: struct<key: int32 not null, value: list<item: int32>> not null> ' +
    'not null=5>!',
  CommandGetXdbcTypeInfo:
    'type_name: string!, data_type: int32!, column_size: int32, literal_prefix: string, literal_suffix: string, ' +
    'create_params: list<item: string not null>, nullable: int32!, case_sensitive: bool!, searchable: int32!, ' +
    'unsigned_attribute: bool, fixed_prec_scale: bool!, auto_increment: bool, local_type_name: string, ' +
    'minimum_scale: int32, maximum_scale: int32, sql_data_type: int32!, datetime_subcode: int32, ' +
    'num_prec_radix: int32, interval_precision: int32',
  CommandGetCatalogs: 'catalog_name: string!',
  CommandGetDbSchemas: 'catalog_name: string, db_schema_name: string!',
  CommandGetTables: 'catalog_name: string, db_schema_name: string, table_name: string!, table_type: string!',
  CommandGetTableTypes: 'table_type: string!',
  CommandGetPrimaryKeys:
    'catalog_name: string, db_schema_name: string, table_name: string!, column_name: string!, ' +
    'key_sequence: int32!, key_name: string',
  CommandGetExportedKeys: FOREIGN,
  CommandGetImportedKeys: FOREIGN,
  CommandGetCrossReference: FOREIGN,
};

test('every command has the schema of the specification, nullability included', () => {
  for (const name of METADATA_COMMANDS) assert.equal(show(metadataSchema(command(name))), SCHEMAS[name], name);
  const included = show(metadataSchema(command('CommandGetTables', { include_schema: true })));
  assert.equal(included, `${SCHEMAS.CommandGetTables}, table_schema: binary!`);
});

test('there are no keys, and asking for those of a table that is not there is no error', async () => {
  for (const name of [
    'CommandGetPrimaryKeys',
    'CommandGetExportedKeys',
    'CommandGetImportedKeys',
    'CommandGetCrossReference',
  ] as const) {
    assert.deepEqual(await ask(name), []);
  }
});

test('catalogs, schemas and types of tables', async () => {
  assert.deepEqual(await ask('CommandGetCatalogs'), [['sheaf']]);
  const both = [
    ['sheaf', 'information_schema'],
    ['sheaf', 'main'],
  ];
  assert.deepEqual(await ask('CommandGetDbSchemas'), both);
  assert.deepEqual(await ask('CommandGetDbSchemas', { catalog: 'SHEAF', db_schema_filter_pattern: '%' }), both);
  assert.deepEqual(await ask('CommandGetDbSchemas', { db_schema_filter_pattern: 'm__n' }), [['sheaf', 'main']]);
  for (const nothing of [{ catalog: '' }, { catalog: 'other' }, { db_schema_filter_pattern: '' }]) {
    assert.deepEqual(await ask('CommandGetDbSchemas', nothing), []);
  }
  assert.deepEqual(await ask('CommandGetTableTypes'), [['SYSTEM TABLE'], ['TABLE'], ['VIEW']]);
});

test('tables pass filters by catalog, patterns and type, and stand in order', async () => {
  const names = async (fields: Partial<MessageTypes['CommandGetTables']>): Promise<readonly Value[]> =>
    (await ask('CommandGetTables', fields)).map((row) => row[2] ?? null);
  const own = { table_types: ['TABLE', 'VIEW'] };
  assert.deepEqual(await ask('CommandGetTables', own), [
    ['sheaf', 'main', 'a_b%c', 'TABLE'],
    ['sheaf', 'main', 'axbyc', 'TABLE'],
    ['sheaf', 'main', 'broken', 'VIEW'],
    ['sheaf', 'main', 'dear', 'VIEW'],
    ['sheaf', 'main', 'trades', 'TABLE'],
  ]);
  const all = await ask('CommandGetTables');
  const keys = all.map((row) => row.map(text).join('\0'));
  assert.deepEqual(keys, [...keys].sort());
  for (const [, schema, name, type] of all.filter((row) => row[3] === 'SYSTEM TABLE')) {
    assert.equal(await accepts(`FROM ${text(schema)}.${text(name)}`), true, text(type));
  }
  assert.deepEqual(await names({ table_name_filter_pattern: 'a_b_c' }), ['a_b%c', 'axbyc']);
  assert.deepEqual(await names({ table_name_filter_pattern: String.raw`a\_b\%c` }), ['a_b%c']);
  assert.deepEqual(await names({ table_name_filter_pattern: 'TRADE%' }), ['trades']);
  assert.deepEqual(await names({ table_name_filter_pattern: '' }), []);
  assert.deepEqual(await names({ table_name_filter_pattern: 'trades\\' }), []);
  assert.deepEqual(await names({ ...own, db_schema_filter_pattern: 'info%' }), []);
  assert.deepEqual(await names({ ...own, catalog: '' }), []);
  assert.deepEqual(await names({ table_types: ['view'] }), ['broken', 'dear']);
  assert.deepEqual(await names({ table_types: ['INDEX'] }), []);
});

test('schemas of tables say what drivers show of each column', async () => {
  const fields = { include_schema: true, table_types: ['TABLE', 'VIEW'] };
  const rows = await ask('CommandGetTables', fields);
  const schemas = new Map(rows.map((row) => [row[2], decodeSchema((row[4] as Uint8Array).subarray(8))]));
  assert.deepEqual(schemas.get('broken')?.fields, []);
  const trades = schemas.get('trades');
  assert.ok(trades !== undefined);
  assert.equal(
    show({ ...trades, metadata: [] }),
    'id: int64!, symbol: string, price: decimal128(10, 2), moment: timestamp[us, tz=UTC]',
  );
  assert.deepEqual(Object.fromEntries(trades.fields[2]?.metadata ?? []), {
    'ARROW:FLIGHT:SQL:CATALOG_NAME': 'sheaf',
    'ARROW:FLIGHT:SQL:DB_SCHEMA_NAME': 'main',
    'ARROW:FLIGHT:SQL:SCHEMA_NAME': 'main',
    'ARROW:FLIGHT:SQL:TABLE_NAME': 'trades',
    'ARROW:FLIGHT:SQL:TYPE_NAME': 'DECIMAL(10,2)',
    'ARROW:FLIGHT:SQL:PRECISION': '10',
    'ARROW:FLIGHT:SQL:SCALE': '2',
    'ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT': '0',
    'ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE': '0',
    'ARROW:FLIGHT:SQL:IS_READ_ONLY': '0',
    'ARROW:FLIGHT:SQL:IS_SEARCHABLE': '1',
  });
});

test('SqlInfo has all numbers, those asked for come in their order, unknown ones are left out', async () => {
  const numbers = (await ask('CommandGetSqlInfo')).map(([number]) => number);
  const range = (first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i);
  assert.deepEqual(numbers, [...range(0, 11), 100, 101, ...range(500, 576)]);
  assert.deepEqual(await ask('CommandGetSqlInfo', { info: [8, 0, 9_999, 8, 557] }), [
    [8, 0],
    [0, 'Sheaf'],
    [557, 1_048_576n],
  ]);
});

/** What a fact claims, the statement that shows it, and whether that is accepted. */
const CLAIMS: readonly (readonly [number, Value, string, boolean])[] = [
  [500, false, 'CREATE DATABASE x', false],
  [501, false, 'CREATE SCHEMA x', false],
  [502, true, 'CREATE TABLE made (x INT)', true],
  [515, true, 'SELECT id AS other FROM trades', true],
  [518, true, 'SELECT t.id FROM trades AS t', true],
  [519, false, 'SELECT axbyc.id FROM trades AS axbyc', true],
  [520, true, 'SELECT id FROM trades ORDER BY id + 1', true],
  [521, true, 'SELECT id FROM trades ORDER BY price', true],
  [522, 3, 'SELECT count(*) FROM trades GROUP BY symbol, price', true],
  [523, true, String.raw`SELECT symbol LIKE 'a!%' ESCAPE '!' FROM trades`, true],
  [524, true, 'CREATE TABLE strict (x INT NOT NULL)', true],
  [528, 2, 'SELECT * FROM trades a FULL JOIN trades b ON a.id = b.id', true],
  [532, true, 'SELECT * FROM sheaf.main.trades', true],
  [536, false, 'SELECT * FROM trades FOR UPDATE', false],
  [537, false, 'CALL something()', false],
  [538, 15, 'SELECT * FROM trades WHERE price > (SELECT min(price) FROM trades)', true],
  [538, 15, 'SELECT * FROM trades WHERE EXISTS (FROM trades)', true],
  [538, 15, 'SELECT * FROM trades WHERE id IN (SELECT id FROM trades)', true],
  [538, 15, 'SELECT * FROM trades WHERE id >= ALL (SELECT id FROM trades)', true],
  [539, true, 'SELECT * FROM trades t WHERE price = (SELECT max(price) FROM trades u WHERE u.id = t.id)', true],
  [540, 3, 'SELECT 1 UNION SELECT 2 UNION ALL SELECT 3', true],
  [563, false, 'BEGIN TRANSACTION', false],
];

test('what SqlInfo claims of the dialect is so', async () => {
  const facts = new Map((await ask('CommandGetSqlInfo')).map(([number, value]) => [number, value]));
  for (const [number, value, sql, isAccepted] of CLAIMS) {
    assert.equal(facts.get(number), value, `SqlInfo ${number.toString()}`);
    assert.equal(await accepts(sql), isAccepted, sql);
  }
  assert.equal(facts.get(516), true);
  assert.deepEqual(await run("SELECT NULL || 'a' IS NULL"), [[true]]);
  assert.equal(facts.get(507), 3);
  for (const order of ['ASC', 'DESC']) {
    assert.deepEqual((await run(`SELECT x FROM (VALUES (1), (NULL)) t(x) ORDER BY x ${order}`)).at(-1), [null]);
  }
  for (const [number, word] of [
    [503, 'TRADES'],
    [505, '"Trades"'],
  ] as const) {
    assert.equal(facts.get(number), 1);
    assert.equal(await accepts(`SELECT * FROM ${word}`), true);
  }
});

test('keywords, functions and conversions of SqlInfo are those of the grammar and the registry', async () => {
  const facts = new Map((await ask('CommandGetSqlInfo')).map(([number, value]) => [number, value]));
  const keywords = facts.get(508) as readonly string[];
  assert.ok(keywords.length > 150 && keywords.includes('QUALIFY') && keywords.includes('ASOF'));
  assert.equal(await accepts('SELECT 1 AS id, QUALIFY'), false);
  const known = new Set(
    (await run('SELECT name, aliases FROM sheaf_functions')).flatMap(([name, aliases]) => [
      name,
      ...text(aliases).split(', '),
    ]),
  );
  for (const [number, some] of [
    [509, 'sqrt'],
    [510, 'regexp_replace'],
    [511, 'coalesce'],
    [512, 'date_trunc'],
  ] as const) {
    const names = facts.get(number) as readonly string[];
    assert.ok(names.includes(some), some);
    assert.deepEqual(
      names.filter((name) => !known.has(name)),
      [],
    );
  }
  const types = new Map([
    [0, 'BIGINT'],
    [2, 'BOOLEAN'],
    [4, 'DATE'],
    [5, 'DECIMAL'],
    [8, 'INTERVAL'],
    [15, 'TIME'],
    [16, 'TIMESTAMP'],
    [18, 'BLOB'],
    [19, 'VARCHAR'],
  ]);
  const conversions = new Map(facts.get(517) as readonly (readonly [number, readonly number[]])[]);
  for (const [from, source] of types) {
    for (const [to, target] of types) {
      const sql = `SELECT TRY_CAST(x AS ${target}) FROM (SELECT NULL::${source} AS x)`;
      assert.equal(conversions.get(from)?.includes(to), await accepts(sql), sql);
    }
  }
});

const SAMPLES: Readonly<Record<string, string>> = {
  BLOB: 'ab',
  DATE: '2024-02-29',
  TIME: '01:02:03',
  TIME_NS: '01:02:03',
  INTERVAL: '2 days',
  VARCHAR: 'text',
};

test('the types of GetXdbcTypeInfo are ours, with literals that make them, in order, and by number', async () => {
  const rows = await ask('CommandGetXdbcTypeInfo');
  assert.equal(rows.length, 24);
  const keys = rows.map((row) => [row[1] as number, row[0] as string] as const);
  assert.deepEqual(
    keys,
    [...keys].sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1)),
  );
  for (const [name, , , prefix, suffix] of rows) {
    const type = text(name);
    const sample = SAMPLES[type] ?? (type.startsWith('TIMESTAMP') ? '2024-02-29 01:02:03' : '1');
    const literal = prefix === null ? `${sample}::${type}` : `${text(prefix)}${sample}${text(suffix)}`;
    const [[found] = []] = await run(`SELECT typeof(${literal})`);
    assert.equal(text(found).replace(/\(.*/u, ''), type, literal);
  }
  const strings = await ask('CommandGetXdbcTypeInfo', { data_type: 12 });
  assert.deepEqual(
    strings,
    rows.filter((row) => row[1] === 12),
  );
  assert.deepEqual(await ask('CommandGetXdbcTypeInfo', { data_type: 70 }), []);
  const decimal = rows.find(([name]) => name === 'DECIMAL');
  assert.deepEqual(decimal?.[5], ['precision', 'scale']);
});
