/**
 * The encoder: modules that WebAssembly accepts, and that compute what their code says.
 *
 * Method: functions are built with the vocabulary, encoded, validated, run, and their answers compared with JavaScript.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  binary,
  FunctionBuilder,
  get,
  i32Const,
  i64Const,
  lane,
  load,
  select,
  v128Const,
} from '../../src/codegen/code.ts';
import type { Code, FunctionCode } from '../../src/codegen/code.ts';
import { compileCounts, growMemory, instantiate, makeMemory, moduleOf } from '../../src/codegen/compile.ts';
import { encodeModule } from '../../src/codegen/module.ts';
import { OPCODES } from '../../src/codegen/opcode.ts';
import type { OpName } from '../../src/codegen/opcode.ts';
import { toEngineError } from '../../src/base/errors.ts';
import { CODE_MODULES_MAX } from '../../src/base/limits.ts';
import { printFunction } from '../support/code-text.ts';

declare const WebAssembly: { readonly validate: (bytes: Uint8Array) => boolean };

const add = binary<'i32'>('i32.add', 'i32');
const zero = i32Const(0);
let shapes = 0;

/** Runs the one function of a module; i64 results are stored at 0 first, for they would be BigInt. */
function run(code: FunctionCode, args: readonly number[] = [], memory = makeMemory(1)): number {
  const bytes = encodeModule([code]);
  assert.ok(WebAssembly.validate(bytes), printFunction(code));
  const functions = instantiate(
    moduleOf(`test ${(shapes++).toString()}`, () => bytes),
    memory,
  );
  return (functions[code.name] as (...values: readonly number[]) => number)(...args);
}

test('constants of every size come out as they went in', () => {
  const numbers = [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, 0x7fffffff, -0x80000000];
  for (const number of numbers) assert.equal(run(new FunctionBuilder('f').finish(i32Const(number))), number);
  const wide = [0n, -1n, 1n << 40n, (1n << 63n) - 1n, -(1n << 63n), 0x9e3779b97f4a7c15n];
  for (const number of wide) {
    const memory = makeMemory(1);
    const fn = new FunctionBuilder('f');
    fn.store('i64.store', zero, 0, i64Const(number));
    run(fn.finish(), [], memory);
    assert.equal(new BigInt64Array(memory.buffer)[0], BigInt.asIntN(64, number));
  }
  for (const number of [0, -0, NaN, Infinity, 5e-324, 1.5]) {
    const code: Code<'f64'> = { type: 'f64', op: 'const', args: [], immediate: number };
    assert.ok(Object.is(run(new FunctionBuilder('f').finish(code)), number));
  }
});

test('loops, blocks and conditions go where their labels say', () => {
  const fn = new FunctionBuilder('sum');
  const end = fn.param('i32', 'end');
  const row = fn.local('i32', 'row');
  const sum = fn.local('i32', 'sum');
  fn.block('all', (leave) => {
    fn.count('rows', row, get(end), 1, () => {
      fn.when(
        binary<'i32'>('i32.eq', 'i32')(get(row), i32Const(100)),
        () => fn.branch(leave),
        () => fn.set(sum, add(get(sum), get(row))),
      );
    });
  });
  const code = fn.finish(get(sum));
  assert.equal(run(code, [10]), 45);
  assert.equal(run(code, [0]), 0);
  assert.equal(run(code, [1_000]), 4_950);
});

test('a value that is bound is computed once, constants and locals are not bound', () => {
  const fn = new FunctionBuilder('f');
  const x = fn.param('i32', 'x');
  assert.equal(fn.bind(get(x), 'y').immediate, x);
  const square = fn.bind(binary<'i32'>('i32.mul', 'i32')(get(x), get(x)), 'square');
  const code = fn.finish(add(square, square));
  assert.equal(run(code, [7]), 98);
  assert.equal(
    printFunction(code),
    'function f(x: i32)\n  square1 = i32.mul(x, x)\n  result i32.add(square1, square1)',
  );
});

test('memory is read and written at offsets, lanes and bytes', () => {
  const memory = makeMemory(65_537);
  assert.equal(memory.buffer.byteLength, 131_072);
  const fn = new FunctionBuilder('f');
  const vector = fn.bind(v128Const(5n, -7n), 'vector');
  fn.store('i64.store', zero, 70_000, lane('i64', 'i64x2.extract_lane', vector, 1));
  fn.store('i32.store8', i32Const(8), 70_000, i32Const(0x1ff));
  fn.fill(i32Const(70_016), i32Const(3), i32Const(4));
  assert.equal(run(fn.finish(load('i32', 'i32.load8_u', i32Const(8), 70_000)), [], memory), 255);
  const view = new DataView(memory.buffer);
  assert.equal(view.getBigInt64(70_000, true), -7n);
  assert.equal(view.getUint32(70_016, true), 0x03030303);
  growMemory(memory, 200_000);
  assert.equal(memory.buffer.byteLength, 262_144);
});

test('every instruction of the table is one that WebAssembly knows', () => {
  const zeros: Readonly<Record<string, Code>> = {
    i32: zero,
    i64: i64Const(0n),
    f64: { type: 'f64', op: 'const', args: [], immediate: 0 },
    v128: v128Const(0n, 0n),
  };
  const f32: Code = { type: 'f32', op: 'f32.demote_f64', args: [zeros['f64'] as Code], immediate: undefined };
  const operands: readonly (readonly Code[])[] = [
    ...Object.values({ ...zeros, f32 }).flatMap((code) => [[code], [code, code], [zero, code]]),
    [zeros['i64'] as Code, zeros['i64'] as Code, zero],
    [zero, zero, zero],
    [zeros['v128'] as Code, zeros['v128'] as Code, zeros['v128'] as Code],
    [zeros['v128'] as Code, zero],
  ];
  for (const op of Object.keys(OPCODES) as OpName[]) {
    const fits = operands.some((args) => {
      return (['i32', 'i64', 'f32', 'f64', 'v128', undefined] as const).some((type) => {
        const fn = new FunctionBuilder('f');
        const memory = OPCODES[op].follows === 'memory' || OPCODES[op].follows === 'lane' ? 0 : undefined;
        if (type === undefined) {
          const effect = { kind: 'do', op, args, offset: 0 } as const;
          return WebAssembly.validate(encodeModule([{ ...fn.finish(), body: [effect] }]));
        }
        return WebAssembly.validate(encodeModule([fn.finish({ type, op, args, immediate: memory })]));
      });
    });
    assert.ok(fits, op);
  }
});

test('a trap is an internal error, and the module goes on', () => {
  const fn = new FunctionBuilder('f');
  const address = get(fn.param('i32', 'address'));
  const code = fn.finish(load('i32', 'i32.load', address, 0));
  const memory = makeMemory(1);
  assert.throws(
    () => run(code, [65_536], memory),
    (error) => toEngineError(error).code === 'internal',
  );
  assert.equal(run(code, [0], memory), 0);
});

test('a choice computes both sides and takes one', () => {
  const fn = new FunctionBuilder('f');
  const x = get(fn.param('i32', 'x'));
  const code = fn.finish(select(x, i32Const(10), i32Const(20)));
  assert.equal(run(code, [1]), 10);
  assert.equal(run(code, [0]), 20);
});

test('a shape is compiled once, until as many others were used as are kept', () => {
  const encode = (): Uint8Array => encodeModule([new FunctionBuilder('f').finish(i32Const(1))]);
  const before = compileCounts();
  const module = moduleOf('shape 0', encode);
  assert.equal(
    moduleOf('shape 0', () => assert.fail('it is there')),
    module,
  );
  assert.deepEqual(compileCounts(), { compiled: before.compiled + 1, reused: before.reused + 1 });
  for (let i = 1; i <= CODE_MODULES_MAX; i++) moduleOf(`shape ${i.toString()}`, encode);
  moduleOf('shape 0', encode);
  assert.equal(compileCounts().compiled, before.compiled + CODE_MODULES_MAX + 2);
});
