/**
 * Goal: commands, paths and Flight SQL are told apart by their bytes alone, and criteria choose tables by name.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putTarget, readTarget } from '../../src/flight/descriptor.ts';
import { nameFilter } from '../../src/flight/list-flights.ts';
import { isPacked, packMessage, unpack } from '../../src/flight/message.ts';
import { field } from '../support/flight-client.ts';

const NONE = new Uint8Array(0);
const PREFIX = 'type.googleapis.com/arrow.flight.protocol.sql.';

function any(typeName: string): Buffer {
  return Buffer.concat([field(1, Buffer.from(typeName)), field(2, Buffer.from('value'))]);
}

test('a Flight SQL command is known by the type name that its Any begins with', () => {
  assert.equal(isPacked(any(`${PREFIX}CommandGetTables`)), true);
  assert.equal(unpack(any(`${PREFIX}${'X'.repeat(200)}`)).name, 'X'.repeat(200));
  assert.equal(isPacked(any('type.googleapis.com/other.Message')), false);
  assert.equal(isPacked(NONE), false);
});

test('SQL that begins with a newline is SQL, whatever its second letter stands for in protobuf', () => {
  for (let letter = 32; letter < 127; letter++) {
    const sql = `\n${String.fromCharCode(letter)}ELECT 1 ${'x'.repeat(200)}`;
    assert.equal(isPacked(Buffer.from(sql)), false);
    assert.deepEqual(readTarget({ type: 2, cmd: Buffer.from(sql), path: [] }), { kind: 'sql', sql });
  }
});

test('a command is SQL to read and a name to put to; a path of one element is a name to both', () => {
  assert.deepEqual(readTarget({ type: 1, cmd: NONE, path: ['t'] }), { kind: 'table', name: 't' });
  assert.deepEqual(putTarget({ type: 1, cmd: NONE, path: ['t'] }), { kind: 'table', name: 't' });
  assert.deepEqual(putTarget({ type: 2, cmd: Buffer.from('grüße'), path: [] }), { kind: 'table', name: 'grüße' });
});

test('a packed command is read with its fields, those that are optional only where they were sent', () => {
  const cmd = packMessage('CommandGetTables', { catalog: '', include_schema: true, table_types: ['TABLE'] });
  const fields = { catalog: '', include_schema: true, table_types: ['TABLE'] };
  const command = { name: 'CommandGetTables', fields };
  assert.deepEqual(readTarget({ type: 2, cmd, path: [] }), { kind: 'command', command });
  assert.deepEqual(putTarget({ type: 2, cmd, path: [] }), { kind: 'command', command });
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
    'an unknown command of Flight SQL',
    { type: 2, cmd: any(`${PREFIX}CommandGetWeather`), path: [] },
    'unimplemented',
    'the Flight SQL command "CommandGetWeather" is not offered; send the SQL text instead',
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
