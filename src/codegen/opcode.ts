/**
 * Instructions of WebAssembly by name: their opcodes, and what follows them.
 *
 * Hides numbers. Invariants: only what the emitters use stands here; `memory` instructions carry the exponent of
 * their natural alignment.
 * Source: WebAssembly core specification, "Index of Instructions".
 */

/** An opcode: `prefix` is a byte before it (0xfc, 0xfd), or 0. */
export interface Opcode {
  readonly prefix: number;
  readonly code: number;
  readonly follows: 'nothing' | 'memory' | 'lane' | 'memories';
  /** Exponent of the alignment of a memory access. */
  readonly align: number;
}

/** Names with consecutive opcodes from `first`. */
function run<N extends string>(
  first: number,
  names: readonly N[],
  prefix = 0,
  follows: Opcode['follows'] = 'nothing',
): Readonly<Record<N, Opcode>> {
  const rows = names.map((name, i): [N, Opcode] => [name, { prefix, code: first + i, follows, align: 0 }]);
  return Object.fromEntries(rows) as Record<N, Opcode>;
}

/** A memory access. */
function at(code: number, align: number, prefix = 0): Opcode {
  return { prefix, code, follows: 'memory', align };
}

const SIMD = 0xfd;

const SCALAR = {
  ...run(0x1b, ['select']),
  ...run(0x45, ['i32.eqz', 'i32.eq', 'i32.ne', 'i32.lt_s', 'i32.lt_u', 'i32.gt_s', 'i32.gt_u']),
  ...run(0x4c, ['i32.le_s', 'i32.le_u', 'i32.ge_s', 'i32.ge_u']),
  ...run(0x50, ['i64.eqz', 'i64.eq', 'i64.ne', 'i64.lt_s', 'i64.lt_u', 'i64.gt_s', 'i64.gt_u']),
  ...run(0x57, ['i64.le_s', 'i64.le_u', 'i64.ge_s', 'i64.ge_u']),
  ...run(0x61, ['f64.eq', 'f64.ne', 'f64.lt', 'f64.gt', 'f64.le', 'f64.ge']),
  ...run(0x68, ['i32.ctz']),
  ...run(0x6a, ['i32.add', 'i32.sub', 'i32.mul']),
  ...run(0x71, ['i32.and', 'i32.or', 'i32.xor', 'i32.shl', 'i32.shr_s', 'i32.shr_u']),
  ...run(0x79, ['i64.clz']),
  ...run(0x7c, ['i64.add', 'i64.sub', 'i64.mul', 'i64.div_s', 'i64.div_u', 'i64.rem_s', 'i64.rem_u']),
  ...run(0x83, ['i64.and', 'i64.or', 'i64.xor', 'i64.shl', 'i64.shr_s', 'i64.shr_u', 'i64.rotl']),
  ...run(0x99, ['f64.abs', 'f64.neg', 'f64.ceil', 'f64.floor', 'f64.trunc', 'f64.nearest', 'f64.sqrt']),
  ...run(0xa0, ['f64.add', 'f64.sub', 'f64.mul', 'f64.div']),
  ...run(0xa7, ['i32.wrap_i64']),
  ...run(0xac, ['i64.extend_i32_s', 'i64.extend_i32_u']),
  ...run(0xb6, ['f32.demote_f64']),
  ...run(0xb9, ['f64.convert_i64_s', 'f64.convert_i64_u', 'f64.promote_f32']),
  ...run(0xbd, ['i64.reinterpret_f64']),
  ...run(0xbf, ['f64.reinterpret_i64']),
  ...run(0x06, ['i64.trunc_sat_f64_s', 'i64.trunc_sat_f64_u'], 0xfc),
  ...run(0x0b, ['memory.fill'], 0xfc, 'memories'),
};

const MEMORY = {
  'i32.load': at(0x28, 2),
  'i64.load': at(0x29, 3),
  'f32.load': at(0x2a, 2),
  'f64.load': at(0x2b, 3),
  'i32.load8_s': at(0x2c, 0),
  'i32.load8_u': at(0x2d, 0),
  'i32.load16_s': at(0x2e, 1),
  'i32.load16_u': at(0x2f, 1),
  'i64.load8_s': at(0x30, 0),
  'i64.load8_u': at(0x31, 0),
  'i64.load16_s': at(0x32, 1),
  'i64.load16_u': at(0x33, 1),
  'i64.load32_s': at(0x34, 2),
  'i64.load32_u': at(0x35, 2),
  'i32.store': at(0x36, 2),
  'i64.store': at(0x37, 3),
  'f32.store': at(0x38, 2),
  'f64.store': at(0x39, 3),
  'i32.store8': at(0x3a, 0),
  'i64.store8': at(0x3c, 0),
  'i64.store16': at(0x3d, 1),
  'i64.store32': at(0x3e, 2),
  'v128.load': at(0x00, 4, SIMD),
  'v128.load32x2_s': at(0x05, 3, SIMD),
  'v128.load32x2_u': at(0x06, 3, SIMD),
  'v128.store': at(0x0b, 4, SIMD),
};

const VECTOR = {
  ...run(0x0f, ['i8x16.splat'], SIMD),
  ...run(0x12, ['i64x2.splat'], SIMD),
  ...run(0x14, ['f64x2.splat'], SIMD),
  ...run(0x1d, ['i64x2.extract_lane'], SIMD, 'lane'),
  ...run(0x21, ['f64x2.extract_lane'], SIMD, 'lane'),
  ...run(0x23, ['i8x16.eq'], SIMD),
  ...run(0x47, ['f64x2.eq', 'f64x2.ne', 'f64x2.lt', 'f64x2.gt', 'f64x2.le', 'f64x2.ge'], SIMD),
  ...run(0x4d, ['v128.not', 'v128.and'], SIMD),
  ...run(0x50, ['v128.or', 'v128.xor'], SIMD),
  ...run(0x52, ['v128.bitselect', 'v128.any_true'], SIMD),
  ...run(0x64, ['i8x16.bitmask'], SIMD),
  ...run(0xcd, ['i64x2.shr_u'], SIMD),
  ...run(0xce, ['i64x2.add'], SIMD),
  ...run(0xd1, ['i64x2.sub'], SIMD),
  ...run(0xd6, ['i64x2.eq', 'i64x2.ne', 'i64x2.lt_s', 'i64x2.gt_s', 'i64x2.le_s', 'i64x2.ge_s'], SIMD),
  ...run(0xf0, ['f64x2.add', 'f64x2.sub', 'f64x2.mul', 'f64x2.div'], SIMD),
  ...run(0xf6, ['f64x2.pmin', 'f64x2.pmax'], SIMD),
};

const TABLE = { ...SCALAR, ...MEMORY, ...VECTOR };

export type OpName = keyof typeof TABLE;

/** Every instruction that generated code is made of. */
export const OPCODES: Readonly<Record<OpName, Opcode>> = TABLE;
