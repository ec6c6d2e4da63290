/**
 * Goal: commands, paths and Flight SQL are told apart by their bytes alone, and criteria choose tables by name.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flightSqlCommand, putTarget, readTarget } from '../../src/flight/descriptor.ts';
import { nameFilter } from '../../src/flight/list-flights.ts';
import { field } from '../support/flight-client.ts';

const NONE = new Uint8Array(0);
const PREFIX = 'type.googleapis.com/arrow.flight.protocol.sql.';

function any(typeName: string): Buffer {
  return Buffer.concat([field(1, Buffer.from(typeName)), field(2, Buffer.from('value'))]);
}

test('a Flight SQL command is known by the type name that its Any begins with', () => {
  assert.equal(flightSqlCommand(any(`${PREFIX}CommandGetTables`)), 'CommandGetTables');
  assert.equal(flightSqlCommand(any(`${PREFIX}${'X'.repeat(200)}`)), 'X'.repeat(200));
  assert.equal(flightSqlCommand(any('type.googleapis.com/other.Message')), undefined);
  assert.equal(flightSqlCommand(NONE), undefined);
});

test('SQL that begins with a newline is SQL, whatever its second letter stands for in protobuf', () => {
  for (let letter = 32; letter < 127; letter++) {
    const sql = `\n${String.fromCharCode(letter)}ELECT 1 ${'x'.repeat(200)}`;
    assert.equal(flightSqlCommand(Buffer.from(sql)), undefined);
    assert.deepEqual(readTarget({ type: 2, cmd: Buffer.from(sql), path: [] }), { kind: 'sql', sql });
  }
});

test('a command is SQL to read and a name to put to; a path of one element is a name to both', () => {
  assert.deepEqual(readTarget({ type: 1, cmd: NONE, path: ['t'] }), { kind: 'table', name: 't' });
  assert.equal(putTarget({ type: 1, cmd: NONE, path: ['t'] }), 't');
  assert.equal(putTarget({ type: 2, cmd: Buffer.from('grüße'), path: [] }), 'grüße');
});

for (const [name, descriptor, code, message] of [
  [
    'no type',
    { type: 0, cmd: NONE, path: ['t'] },
    'request_invalid',
    "the descriptor's type is 0; it must be 1 (path: a table's name) or 2 (command)",
  ],
  [
    'no element',
    { type: 1, cmd: NONE, path: [] },
    'request_invalid',
    "the descriptor's path has 0 elements ([]); it must be one, the table's name",
  ],
  [
    'two elements',
    { type: 1, cmd: NONE, path: ['a', 'b'] },
    'request_invalid',
    'the descriptor\'s path has 2 elements (["a","b"]); it must be one, the table\'s name',
  ],
  [
    'no text',
    { type: 2, cmd: Buffer.of(0xff), path: [] },
    'request_invalid',
    'the command descriptor is not UTF-8 text (1 bytes)',
  ],
  [
    'Flight SQL',
    { type: 2, cmd: any(`${PREFIX}CommandStatementIngest`), path: [] },
    'unimplemented',
    'the Flight SQL command CommandStatementIngest is not offered yet; send the SQL text itself as ticket or command descriptor',
  ],
] as const) {
  test(`a descriptor with ${name} is refused on both ways`, () => {
    assert.throws(() => readTarget(descriptor), { code, message });
    assert.throws(() => putTarget(descriptor), { code, message });
  });
}

test('criteria find names that hold them, or begin with what stands before the star', () => {
  const names = ['fares', 'Fares_old', 'my_fares', 'x*y'];
  assert.deepEqual(names.filter(nameFilter('')), names);
  assert.deepEqual(names.filter(nameFilter('FARES')), ['fares', 'Fares_old', 'my_fares']);
  assert.deepEqual(names.filter(nameFilter('fares*')), ['fares', 'Fares_old']);
  assert.deepEqual(names.filter(nameFilter('*')), names);
});
