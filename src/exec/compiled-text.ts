/**
 * Text in generated code: columns compared with constants, eight bytes at a time.
 *
 * Hides offsets and masks. A test is whether text is one of some constants, or begins with the first, ends with the
 * last and holds the others between them, in order: LIKE without `_`. Invariants: a block's text lies in memory as the
 * column has it, with TEXT_SPARE_BYTES to spare behind it, so that words are read beyond a value's end and masked;
 * constants are words in memory, and only their lengths are part of the code.
 */
import type { DataType } from '../arrow/type.ts';
import { i32Const, i64Const, load } from '../codegen/code.ts';
import type { Code, FunctionBuilder } from '../codegen/code.ts';
import { CODE_TEXT_BYTES_MAX, CODE_TEXT_VALUES_MAX } from '../base/limits.ts';
import { likeParts } from '../function/pattern-like.ts';
import type { Expr } from '../plan/expr.ts';
import { boolValue } from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

type Column = Extract<Expr, { kind: 'column' }>;
type Call = Extract<Expr, { kind: 'call' }>;

/** Bytes that may be read behind a block's text: those of a constant, and a vector more. */
export const TEXT_SPARE_BYTES = CODE_TEXT_BYTES_MAX + 32;

/** values: the text is one of some. parts: they stand in it one after the other, at its beginning and at its end. */
type TestKind = 'values' | 'parts';

/** What is asked of a column's text. */
export interface TextTest {
  readonly column: Column;
  readonly kind: TestKind;
  /** Of parts at least two; the first and the last may be empty. */
  readonly values: readonly Uint8Array[];
  readonly negated: boolean;
}

/** A test in a pipeline's memory. */
export interface TextPlace {
  readonly slot: number;
  readonly kind: TestKind;
  readonly negated: boolean;
  /** Of each constant where its words stand. */
  readonly constants: readonly { readonly bytes: Uint8Array; readonly place: number }[];
  /** Where a byte stands for each row of a block: 1 where the middle parts were found. Undefined without such. */
  readonly hits: number | undefined;
}

/** A constant whose words are in locals. */
export interface TextConstant {
  readonly length: number;
  readonly place: number;
  readonly words: readonly Code<'i64'>[];
}

/** A test whose constants are in locals. */
export interface ReadText extends Omit<TextPlace, 'constants'> {
  /** What an offset is added to. */
  readonly base: Code<'i32'>;
  readonly constants: readonly TextConstant[];
}

/** The parts that may stand anywhere between the first and the last. */
export function middleOf<T>(kind: TestKind, values: readonly T[]): readonly T[] {
  return kind === 'values' ? [] : values.slice(1, -1);
}

/** True for columns whose text code reads: offsets, and bytes. */
function isPlainText(type: DataType): boolean {
  return type.id === 'utf8' || type.id === 'large_utf8';
}

function textOf(expr: Expr | undefined): Uint8Array | undefined {
  if (expr?.kind !== 'literal' || typeof expr.value !== 'string' || expr.type.id !== 'utf8') return undefined;
  return Buffer.from(expr.value);
}

/** Parts as a test has them. */
function partsTest(parts: readonly Uint8Array[]): Pick<TextTest, 'kind' | 'values'> {
  if (parts.length === 1) return { kind: 'values', values: parts };
  const isHeld = ({ length }: Uint8Array, i: number): boolean => length > 0 || i === 0 || i === parts.length - 1;
  return { kind: 'parts', values: parts.filter(isHeld) };
}

const NOTHING = new Uint8Array(0);

/** The parts that a call looks for, when its constants are known and well-formed. */
function partsOf({ name, args: [, second, third] }: Call): readonly Uint8Array[] | undefined {
  const text = textOf(second);
  if (text === undefined) return undefined;
  switch (name) {
    case 'starts_with':
      return [text, NOTHING];
    case 'suffix':
      return [NOTHING, text];
    case 'contains':
      return [NOTHING, text, NOTHING];
    case 'like':
    case 'not_like':
      return likeParts(text);
    case 'like_escape':
    case 'not_like_escape': {
      const escape = textOf(third);
      return escape === undefined || escape.length > 1 ? undefined : likeParts(text, escape[0]);
    }
    default:
      return undefined;
  }
}

function valuesTest(call: Call): TextTest | undefined {
  const [first, second] = call.args;
  const isTurned = call.name !== 'in' && second?.kind === 'column';
  const column = isTurned ? second : first;
  const values = (isTurned ? [first] : call.args.slice(1)).map(textOf);
  if (column?.kind !== 'column' || values.length === 0) return undefined;
  if (!values.every((value) => value !== undefined)) return undefined;
  return { column, kind: 'values', values, negated: call.name === '<>' };
}

function likeTest(call: Call): TextTest | undefined {
  const [column] = call.args;
  if (column?.kind !== 'column') return undefined;
  const parts = partsOf(call);
  return parts === undefined ? undefined : { column, ...partsTest(parts), negated: call.name.startsWith('not_') };
}

/** What `expr` asks of text, where code can tell; undefined for all else. */
export function textTest(expr: Expr): TextTest | undefined {
  if (expr.kind !== 'call') return undefined;
  const test = ['=', '<>', 'in'].includes(expr.name) ? valuesTest(expr) : likeTest(expr);
  if (test === undefined || !isPlainText(test.column.type) || test.values.length > CODE_TEXT_VALUES_MAX)
    return undefined;
  return test.values.every(({ length }) => length <= CODE_TEXT_BYTES_MAX) ? test : undefined;
}

/** Words that `length` bytes take. */
export function textWords(length: number): number {
  return Math.ceil(length / 8);
}

/** Reads the constants of tests, and where text lies, into locals. `slots`: of the pipeline. */
export function readTexts(
  fn: FunctionBuilder,
  slots: readonly { readonly pointer: number | undefined }[],
  texts: readonly TextPlace[],
): readonly ReadText[] {
  const bases = new Map<number, Code<'i32'>>();
  return texts.map((text) => {
    const pointer = slots[text.slot]?.pointer ?? 0;
    const base = bases.get(text.slot) ?? fn.bind(load('i32', 'i32.load', i32Const(0), pointer), 'base');
    bases.set(text.slot, base);
    const constants = text.constants.map(({ bytes: { length }, place }) => ({
      length,
      place,
      words: Array.from({ length: textWords(length) }, (_, i) => {
        return fn.bind(load('i64', 'i64.load', i32Const(0), place + 8 * i), 'constant');
      }),
    }));
    return { ...text, base, constants };
  });
}

/** 1 where the bytes at `address` are those of a constant. */
export function emitSame(address: Code<'i32'>, { length, words }: TextConstant): Code<'i32'> {
  const same = words.map((word, i) => {
    const rest = length - 8 * i;
    const read = load('i64', 'i64.load', address, 8 * i);
    return i64.eq(rest >= 8 ? read : i64.and(read, i64Const((1n << BigInt(8 * rest)) - 1n)), word);
  });
  return same.length === 0 ? i32Const(1) : same.reduce(i32.and);
}

/** Where one row's text lies in memory. */
export interface TextRange {
  readonly start: Code<'i32'>;
  readonly length: Code<'i32'>;
  readonly present: Code<'i32'> | undefined;
}

function emitParts(row: RowScope, { start, length }: TextRange, { constants, hits }: ReadText): Code<'i32'> {
  const [first, last] = [constants[0], constants.at(-1)] as [TextConstant, TextConstant];
  const total = constants.reduce((sum, constant) => sum + constant.length, 0);
  const conditions: Code<'i32'>[] = [i32.ge_u(length, i32Const(total))];
  if (first.length > 0) conditions.push(emitSame(start, first));
  if (last.length > 0) {
    const ending = row.bind(i32.sub(i32.add(start, length), i32Const(last.length)), 'ending');
    conditions.push(emitSame(ending, last));
  }
  if (hits !== undefined) conditions.push(row.byteAt(hits));
  return conditions.reduce(i32.and);
}

/** 1 where the row's text passes a test. */
export function emitTextTest(row: RowScope, range: TextRange, text: ReadText): Value {
  const hit =
    text.kind === 'parts'
      ? emitParts(row, range, text)
      : text.constants
          .map((constant) =>
            i32.and(i32.eq(range.length, i32Const(constant.length)), emitSame(range.start, constant)),
          )
          .reduce(i32.or);
  const bound = row.bind(hit, 'hit');
  return boolValue(text.negated ? i32.not(bound) : bound, range.present);
}
