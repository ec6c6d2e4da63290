/**
 * Instructions by the names that emitters use.
 *
 * Hides nothing: each is one instruction of codegen/opcode.
 */
import { binary, f64Const, unary } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { OpName } from '../codegen/opcode.ts';

const i32Binary = (op: OpName): ReturnType<typeof binary<'i32'>> => binary<'i32'>(op, 'i32');
const i64Binary = (op: OpName): ReturnType<typeof binary<'i64'>> => binary<'i64'>(op, 'i64');
const f64Binary = (op: OpName): ReturnType<typeof binary<'f64'>> => binary<'f64'>(op, 'f64');
const i64Test = (op: OpName): ReturnType<typeof binary<'i64', 'i32'>> => binary<'i64', 'i32'>(op, 'i32');
const f64Test = (op: OpName): ReturnType<typeof binary<'f64', 'i32'>> => binary<'f64', 'i32'>(op, 'i32');

export const i32 = {
  add: i32Binary('i32.add'),
  sub: i32Binary('i32.sub'),
  mul: i32Binary('i32.mul'),
  and: i32Binary('i32.and'),
  or: i32Binary('i32.or'),
  xor: i32Binary('i32.xor'),
  shl: i32Binary('i32.shl'),
  shr_u: i32Binary('i32.shr_u'),
  eq: i32Binary('i32.eq'),
  ne: i32Binary('i32.ne'),
  lt_u: i32Binary('i32.lt_u'),
  le_u: i32Binary('i32.le_u'),
  gt_u: i32Binary('i32.gt_u'),
  ge_u: i32Binary('i32.ge_u'),
  eqz: unary<'i32'>('i32.eqz', 'i32'),
  ctz: unary<'i32'>('i32.ctz', 'i32'),
  wrap: unary<'i64', 'i32'>('i32.wrap_i64', 'i32'),
  /** 1 for 0, and 0 for 1. */
  not: (a: Code<'i32'>): Code<'i32'> => unary<'i32'>('i32.eqz', 'i32')(a),
};

/** Sixteen lanes of a byte. */
export const i8x16 = {
  splat: unary<'i32', 'v128'>('i8x16.splat', 'v128'),
  eq: binary<'v128'>('i8x16.eq', 'v128'),
  and: binary<'v128'>('v128.and', 'v128'),
  /** A bit for each lane, its highest, the first lane's lowest. */
  bitmask: unary<'v128', 'i32'>('i8x16.bitmask', 'i32'),
};

export const i64 = {
  add: i64Binary('i64.add'),
  sub: i64Binary('i64.sub'),
  mul: i64Binary('i64.mul'),
  div_s: i64Binary('i64.div_s'),
  div_u: i64Binary('i64.div_u'),
  rem_s: i64Binary('i64.rem_s'),
  rem_u: i64Binary('i64.rem_u'),
  and: i64Binary('i64.and'),
  or: i64Binary('i64.or'),
  xor: i64Binary('i64.xor'),
  shl: i64Binary('i64.shl'),
  shr_s: i64Binary('i64.shr_s'),
  shr_u: i64Binary('i64.shr_u'),
  rotl: i64Binary('i64.rotl'),
  eq: i64Test('i64.eq'),
  ne: i64Test('i64.ne'),
  lt_s: i64Test('i64.lt_s'),
  lt_u: i64Test('i64.lt_u'),
  gt_s: i64Test('i64.gt_s'),
  gt_u: i64Test('i64.gt_u'),
  eqz: unary<'i64', 'i32'>('i64.eqz', 'i32'),
  clz: unary<'i64'>('i64.clz', 'i64'),
  extend_u: unary<'i32', 'i64'>('i64.extend_i32_u', 'i64'),
  bits: unary<'f64', 'i64'>('i64.reinterpret_f64', 'i64'),
  trunc_sat_s: unary<'f64', 'i64'>('i64.trunc_sat_f64_s', 'i64'),
  trunc_sat_u: unary<'f64', 'i64'>('i64.trunc_sat_f64_u', 'i64'),
};

export const f64 = {
  add: f64Binary('f64.add'),
  sub: f64Binary('f64.sub'),
  mul: f64Binary('f64.mul'),
  div: f64Binary('f64.div'),
  eq: f64Test('f64.eq'),
  ne: f64Test('f64.ne'),
  lt: f64Test('f64.lt'),
  gt: f64Test('f64.gt'),
  le: f64Test('f64.le'),
  ge: f64Test('f64.ge'),
  abs: unary<'f64'>('f64.abs', 'f64'),
  neg: unary<'f64'>('f64.neg', 'f64'),
  nearest: unary<'f64'>('f64.nearest', 'f64'),
  convert_s: unary<'i64', 'f64'>('f64.convert_i64_s', 'f64'),
  convert_u: unary<'i64', 'f64'>('f64.convert_i64_u', 'f64'),
  promote: unary<'f32', 'f64'>('f64.promote_f32', 'f64'),
  demote: unary<'f64', 'f32'>('f32.demote_f64', 'f32'),
  of_bits: unary<'i64', 'f64'>('f64.reinterpret_i64', 'f64'),
  const: f64Const,
  /** Rounded to the nearest float32. */
  round32: (a: Code<'f64'>): Code<'f64'> =>
    unary<'f32', 'f64'>('f64.promote_f32', 'f64')(unary<'f64', 'f32'>('f32.demote_f64', 'f32')(a)),
};
