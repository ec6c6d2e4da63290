/**
 * format and printf: values put into a text by the replacement fields of fmt, or by those of C.
 *
 * Hides both notations. Invariants: a template that is constant is read once; a value's kind is that of its argument:
 * integer (booleans too), float (decimals too), or text (everything else); a field that its kind does not take is
 * `value_error`; widths count characters, and the result of a row is bounded.
 * Source: DuckDB's fmt (version 6): "Format String Syntax" and printf.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import { bitsOf, formOf, numbersOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { decimalValues } from './decimal.ts';
import type { FunctionEntry } from './entry.ts';
import { floatText } from './number-text.ts';
import { fitKinds, madeFor, rowError, textRows, textsOf } from './scalar-frame.ts';
import { readFields, readPrintf } from './text-template.ts';
import type { Field, Piece, Spec } from './text-template.ts';
import { DOUBLE, familyOf, flatType, strictCall, UTF8 } from './signature.ts';
import { bitAt } from './validity.ts';
import { checkTextBytes } from './scalar-frame.ts';

type Value = bigint | number | string | boolean;

/** Reads an argument: integers as bigint, floats as numbers, text as strings. */
function readerOf(vector: Vector): (row: number) => Value {
  const { type } = vector;
  const form = formOf(type);
  if (form.kind === 'bytes') {
    const rows = byteRowsOf(vector);
    return (row) => rowText(rows, row);
  }
  if (form.kind === 'bool') {
    const bits = bitsOf(vector);
    return (row) => bitAt(bits, row);
  }
  if (type.id === 'float') {
    const numbers = numbersOf(vector);
    return (row) => numbers[row] as number;
  }
  return decimalValues(vector);
}

/** Digits in groups of three, a separator between them. */
function grouped(digits: string, separator: string): string {
  return separator === '' ? digits : digits.replace(/\B(?=(\d{3})+(?!\d))/g, separator);
}

function kindError(spec: Spec, kind: string): Error {
  return rowError(`format: the field '${spec.type}' does not take a value of type ${kind}`);
}

const RADIX: Readonly<Record<string, number>> = { x: 16, X: 16, o: 8, b: 2, B: 2 };

function integerText(value: bigint, spec: Spec, isC: boolean): readonly [prefix: string, digits: string] {
  const { type } = spec;
  if (spec.precision !== undefined && !isC) throw rowError('format: an integer has no precision');
  // Groups are of decimal digits, whatever else is asked for.
  const radix = spec.separator === '' ? RADIX[type] : undefined;
  if (RADIX[type] === undefined && !'diunL'.includes(type)) throw kindError(spec, 'integer');
  const isNegative = value < 0n;
  const size = isNegative ? (isC && radix !== undefined ? BigInt.asUintN(64, value) : -value) : value;
  let digits = size.toString(radix ?? 10);
  if (type === 'X') digits = digits.toUpperCase();
  const marks: Readonly<Record<string, string>> = { x: '0x', X: '0X', b: '0b', B: '0B', o: '0' };
  const mark = spec.alternate && size !== 0n ? (marks[type] ?? '') : '';
  const minus = isNegative && !(isC && radix !== undefined);
  digits = grouped(digits, spec.separator).padStart(spec.precision ?? 0, '0');
  return [(minus ? '-' : spec.sign) + mark, digits];
}

/** %g: the shorter of both notations, without zeros at the end unless they are kept. */
function generalText(size: number, precision: number, keepsZeros: boolean): string {
  const digits = Math.min(Math.max(1, precision), FIXED_DIGITS);
  const [mantissa = '', power = '0'] = exponential(size, digits - 1);
  const exponent = Number(power);
  const trimmed = (text: string): string => {
    return keepsZeros || !text.includes('.') ? text : text.replace(/\.?0+$/, '');
  };
  if (exponent < -4 || exponent >= digits) return trimmed(mantissa) + exponentText(exponent);
  return trimmed(tiesToEven(size, Math.min(FIXED_DIGITS, Math.max(0, digits - 1 - exponent))));
}

function exponentText(exponent: number): string {
  return `e${exponent < 0 ? '-' : '+'}${Math.abs(exponent).toString().padStart(2, '0')}`;
}

/** Digits after the point that JavaScript prints exactly. */
const FIXED_DIGITS = 100;

/** `size` with `precision` digits after the point, halves to even as in C. */
function fixedText(size: number, precision: number): string {
  const kept = Math.min(precision, FIXED_DIGITS);
  if (size < 1e21) return tiesToEven(size, kept) + '0'.repeat(precision - kept);
  const fraction = precision > 0 ? `.${'0'.repeat(precision)}` : '';
  return BigInt(size).toString() + fraction;
}

/** Digits from which on no double lies half-way between two texts: its last binary digit is a 5 of so many. */
const EXACT_DIGITS = 60;

/** `up` where it is the nearest, else `exact` cut to `kept` digits: JavaScript rounds halves up, and C to even. */
function evenOf(up: string, exact: string, kept: number): string {
  const point = exact.indexOf('.');
  const end = kept === 0 ? point : point + 1 + kept;
  const rest = exact.slice(end).replace('.', '');
  if (point < 0 || !/^50*$/.test(rest)) return up;
  const cut = exact.slice(0, end);
  return Number(cut.at(-1)) % 2 === 0 ? cut : up;
}

function tiesToEven(size: number, kept: number): string {
  return evenOf(size.toFixed(kept), size.toFixed(Math.min(FIXED_DIGITS, kept + EXACT_DIGITS)), kept);
}

/** Mantissa and power of ten. */
function exponential(size: number, kept: number): readonly string[] {
  const [up = '', power = '0'] = size.toExponential(kept).split('e');
  const [exact = '', exactPower = '0'] = size.toExponential(Math.min(FIXED_DIGITS, kept + EXACT_DIGITS)).split('e');
  return power === exactPower ? [evenOf(up, exact, kept), power] : [up, power];
}

function floatDigits(size: number, spec: Spec): string {
  const { type, precision } = spec;
  switch (type) {
    case '':
      if (precision === undefined) return floatText(size, 64);
      // fmt keeps zeros at the end, but not those of a number below 1.
      return wholeMark(generalText(size, precision, size >= 1 || size < 1e-4));
    case 'f':
    case 'F':
      return fixedText(size, precision ?? 6);
    case 'e':
    case 'E': {
      const [mantissa = '', power = '0'] = exponential(size, Math.min(precision ?? 6, FIXED_DIGITS));
      return mantissa + exponentText(Number(power));
    }
    case 'g':
    case 'G':
      return generalText(size, precision ?? 6, false);
    default:
      throw kindError(spec, 'float');
  }
}

/** 2 as 2.0: a float without a type of presentation shows that it is one. */
function wholeMark(text: string): string {
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function floatField(value: number, spec: Spec): readonly [prefix: string, digits: string] {
  const sign = value < 0 || Object.is(value, -0) ? '-' : spec.sign;
  const isUpper = spec.type !== '' && 'FEG'.includes(spec.type);
  if (!Number.isFinite(value)) {
    const text = value !== value ? 'nan' : 'inf';
    floatDigits(0, spec);
    return [value !== value ? spec.sign : sign, isUpper ? text.toUpperCase() : text];
  }
  const digits = floatDigits(Math.abs(value), spec);
  const [whole = '', ...rest] = digits.split('.');
  const text = [grouped(whole, spec.separator), ...rest].join('.');
  return [sign, isUpper ? text.toUpperCase() : text];
}

/** The printed value with its width. */
function fieldText(value: Value, spec: Spec, isC: boolean): string {
  if (typeof value === 'string' || (typeof value === 'boolean' && (spec.type === '' || (isC && spec.type === 's')))) {
    if (spec.type !== '' && spec.type !== 's') throw kindError(spec, 'text');
    if (spec.isNumeric && typeof value === 'string') throw rowError('format: a sign and zeros belong to numbers');
    const text = String(value);
    const shown = spec.precision === undefined ? text : Array.from(text).slice(0, spec.precision).join('');
    return padded('', shown, isC ? { ...spec, fill: ' ' } : spec, isC ? '>' : '<');
  }
  if (typeof value === 'number') {
    const [prefix, digits] = floatField(value, spec);
    if (Number.isFinite(value)) return padded(prefix, digits, spec, '>');
    // Zeros before `inf` would make no number of it.
    return padded(prefix, digits, spec.align === '=' ? { ...spec, align: '<' } : spec, isC ? '>' : '<');
  }
  const whole = typeof value === 'boolean' ? BigInt(value) : value;
  if (isC && spec.type === 'c') {
    if (whole < 0n || whole > 127n)
      throw rowError('printf: %c writes one byte of ASCII; chr() makes other characters');
    return padded('', String.fromCharCode(Number(whole)), spec, '>');
  }
  const [prefix, digits] = integerText(whole, spec.type === '' ? { ...spec, type: 'd' } : spec, isC);
  return padded(prefix, digits, spec, '>');
}

function padded(prefix: string, text: string, spec: Spec, natural: '<' | '>'): string {
  const length = prefix.length + (/^[\x20-\x7e]*$/.test(text) ? text.length : Array.from(text).length);
  const missing = spec.width - length;
  if (missing <= 0) return prefix + text;
  checkTextBytes('format', missing * 4);
  const align = spec.align === '' ? natural : spec.align;
  if (align === '=') return prefix + spec.fill.repeat(missing) + text;
  const before = align === '>' ? missing : align === '^' ? missing >> 1 : 0;
  return spec.fill.repeat(before) + prefix + text + spec.fill.repeat(missing - before);
}

/** Width or precision that an argument gives. */
function givenSize(value: Value | undefined): number {
  if (typeof value !== 'bigint') throw rowError('format: a width or precision that an argument gives is an integer');
  if (value < 0n || value > 0x7fffffffn) throw rowError(`format: the width ${value.toString()} is out of range`);
  return Number(value);
}

function specOf(field: Field, valueAt: (index: number) => Value): Spec {
  const { spec, widthFrom, precisionFrom } = field;
  if (widthFrom === undefined && precisionFrom === undefined) return spec;
  return {
    ...spec,
    width: widthFrom === undefined ? spec.width : givenSize(valueAt(widthFrom)),
    precision: precisionFrom === undefined ? spec.precision : givenSize(valueAt(precisionFrom)),
  };
}

function formatKernel(name: string, read: (template: string) => readonly Piece[]): Kernel {
  const isC = name === 'printf';
  return (args, rowCount, type) => {
    const templates = textsOf(args[0] as Vector);
    const piecesOf = madeFor(args.slice(0, 1), (i) => read(templates(i)));
    const readers = args.slice(1).map(readerOf);
    return textRows(args, rowCount, type, (i, out) => {
      const valueAt = (index: number): Value => {
        const reader = readers[index];
        if (reader === undefined) throw rowError(`${name}: there is no argument ${(index + 1).toString()}`);
        return reader(i);
      };
      let byteCount = 0;
      for (const piece of piecesOf(i)) {
        const text = typeof piece === 'string' ? piece : fieldText(valueAt(piece.index), specOf(piece, valueAt), isC);
        byteCount += text.length;
        checkTextBytes(name, byteCount);
        out.appendText(text);
      }
    });
  };
}

/** Integers, booleans and text as they are, decimals as doubles (HUGEINT apart), the rest as text. */
function valueParameter(argument: DataType): DataType | undefined {
  const type = flatType(argument);
  if (type.id === 'int' || type.id === 'bool') return type;
  if (type.id === 'float') return DOUBLE;
  if (type.id === 'decimal') return type.scale === 0 && type.precision === 38 ? type : DOUBLE;
  const family = familyOf(type);
  if (family === 'text') return type;
  return family === 'nested' || family === 'interval' || family === 'duration' ? undefined : UTF8;
}

function resolveFormat(name: string): (args: readonly DataType[]) => ResolvedCall | undefined {
  return (args) => {
    const [template] = fitKinds(args.slice(0, 1), ['text']) ?? [];
    const values = args.slice(1).map(valueParameter);
    const known = values.filter((type) => type !== undefined);
    if (template === undefined || known.length < values.length) return undefined;
    return strictCall(name, [template, ...known], UTF8);
  };
}

function entry(
  name: string,
  read: (template: string) => readonly Piece[],
  doc: string,
  example: string,
): FunctionEntry {
  const kernel = formatKernel(name, read);
  return {
    name,
    expects: '(text) and values',
    doc,
    example,
    fails: true,
    resolve: resolveFormat(name),
    kernel: () => kernel,
  };
}

/** The entries of this family. */
export const TEXT_FORMAT: readonly FunctionEntry[] = [
  entry(
    'format',
    readFields,
    'The text with values in place of its {} fields, such as {:.2f}, {:>8}, {1} or {:,}.',
    "format('{} is {:.1f}', 'pi', pi()) → 'pi is 3.1'",
  ),
  entry(
    'printf',
    readPrintf,
    'The text with values in place of its % fields, such as %d, %5.2f or %s.',
    "printf('%s: %05d', 'n', 42) → 'n: 00042'",
  ),
];
