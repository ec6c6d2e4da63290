/**
 * Text in generated code: columns compared with constants, eight bytes at a time.
 *
 * Hides offsets and masks. Invariants: a block's text lies in memory as the column has it, with a word to spare behind
 * it, so that words are read beyond a value's end and masked; constants are words in memory, and only their lengths are
 * part of the code.
 */
import type { DataType } from '../arrow/type.ts';
import { i32Const, i64Const, load } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import { CODE_TEXT_BYTES_MAX, CODE_TEXT_VALUES_MAX } from '../base/limits.ts';
import type { Expr } from '../plan/expr.ts';
import { boolValue } from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

type Column = Extract<Expr, { kind: 'column' }>;

/** Whether a column's text is one of some values. */
export interface TextTest {
  readonly column: Column;
  readonly values: readonly Uint8Array[];
  readonly negated: boolean;
}

/** True for columns whose text code reads: offsets of 32 bits, and bytes. */
function isPlainText(type: DataType): boolean {
  return type.id === 'utf8';
}

function textOf(expr: Expr | undefined): Uint8Array | undefined {
  if (expr?.kind !== 'literal' || typeof expr.value !== 'string' || expr.type.id !== 'utf8') return undefined;
  const bytes = Buffer.from(expr.value);
  return bytes.length <= CODE_TEXT_BYTES_MAX ? bytes : undefined;
}

/** What `expr` asks of text, where code can tell; undefined for all else. */
export function textTest(expr: Expr): TextTest | undefined {
  if (expr.kind !== 'call' || !['=', '<>', 'in'].includes(expr.name)) return undefined;
  const [first, second] = expr.args;
  const isTurned = expr.name !== 'in' && second?.kind === 'column';
  const column = isTurned ? second : first;
  const constants = isTurned ? [first] : expr.args.slice(1);
  if (column?.kind !== 'column' || !isPlainText(column.type)) return undefined;
  if (constants.length === 0 || constants.length > CODE_TEXT_VALUES_MAX) return undefined;
  const values = constants.map(textOf);
  if (!values.every((value) => value !== undefined)) return undefined;
  return { column, values, negated: expr.name === '<>' };
}

/** Words that `length` bytes take. */
export function textWords(length: number): number {
  return Math.ceil(length / 8);
}

/** Where one row's text lies in memory. */
export interface TextRange {
  readonly start: Code<'i32'>;
  readonly length: Code<'i32'>;
  readonly present: Code<'i32'> | undefined;
}

/** 1 where the row's text is one of `constants`: of each its length, and its words in locals. */
export function emitTextTest(
  row: RowScope,
  { start, length, present }: TextRange,
  constants: readonly { readonly length: number; readonly words: readonly Code<'i64'>[] }[],
  negated: boolean,
): Value {
  const hits = constants.map((constant) => {
    return constant.words.reduce<Code<'i32'>>(
      (same, word, i) => {
        const rest = constant.length - 8 * i;
        const read = load('i64', 'i64.load', start, 8 * i);
        const own = rest >= 8 ? read : i64.and(read, i64Const((1n << BigInt(8 * rest)) - 1n));
        return i32.and(same, i64.eq(own, word));
      },
      i32.eq(length, i32Const(constant.length)),
    );
  });
  const hit = row.bind(hits.reduce(i32.or), 'hit');
  return boolValue(negated ? i32.not(hit) : hit, present);
}
