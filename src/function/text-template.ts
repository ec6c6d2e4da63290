/**
 * Templates of format and printf as pieces: literal text, and fields.
 *
 * Hides both grammars. Invariants: pieces are in order; what a grammar does not know is `value_error`; a template
 * either numbers all of its arguments or none.
 * Source: fmt 6, "Format String Syntax"; ISO C, fprintf.
 */
import { rowError } from './scalar-frame.ts';

/** How a value is shown. */
export interface Spec {
  readonly fill: string;
  readonly align: '' | '<' | '>' | '^' | '=';
  /** What stands before a number that is not negative: '', '+' or ' '. */
  readonly sign: string;
  readonly alternate: boolean;
  /** True when a field of format asks for what text does not have: a sign, zeros. */
  readonly isNumeric: boolean;
  readonly width: number;
  /** Between groups of three digits, or ''. */
  readonly separator: string;
  readonly precision: number | undefined;
  /** The type of presentation, or ''. */
  readonly type: string;
}

/** A value's place, the arguments counted from 0; width and precision may come from arguments too. */
export interface Field {
  readonly index: number;
  readonly spec: Spec;
  readonly widthFrom: number | undefined;
  readonly precisionFrom: number | undefined;
}

export type Piece = string | Field;

const SIZE_DIGITS = 9;

function sizeOf(digits: string): number {
  if (digits.length > SIZE_DIGITS) throw rowError(`format: the number ${digits.slice(0, 20)} is too big`);
  return Number(digits);
}

/** Hands out the arguments of a template: all numbered, or none. */
class Arguments {
  #next = 0;
  #numbered = false;

  take(written: string | undefined): number {
    if (written === undefined || written === '') {
      if (this.#numbered) throw rowError('format: fields are either all numbered, or none is');
      return this.#next++;
    }
    if (this.#next > 0) throw rowError('format: fields are either all numbered, or none is');
    this.#numbered = true;
    return sizeOf(written);
  }
}

const FIELD = new RegExp(
  [
    String.raw`^(\d*)(?::(?:(?:([,_'](?![<>^=]))|t(.)$)|([\x20-\x7a\x7c\x7e])?([<>^=]))?([+\- ]?)(#?)(0?)`,
    String.raw`(?:(\d+)|\{(\d*)\})?(?:\.(?:(\d+)|\{(\d*)\}))?([a-zA-Z%]?))?$`,
  ].join(''),
  'u',
);

function readField(text: string, args: Arguments): Field {
  const match = FIELD.exec(text);
  if (match === null) throw rowError(`format: {${text.slice(0, 40)}} is not a field`);
  const [
    ,
    place,
    mark,
    custom,
    fill,
    align,
    sign,
    alternate,
    zero,
    width,
    widthPlace,
    precision,
    precisionPlace,
    type,
  ] = match;
  const separator = mark ?? custom;
  const index = args.take(place);
  const widthFrom = widthPlace === undefined ? undefined : args.take(widthPlace);
  const precisionFrom = precisionPlace === undefined ? undefined : args.take(precisionPlace);
  return {
    index,
    widthFrom,
    precisionFrom,
    spec: {
      fill: zero === '0' ? '0' : (fill ?? ' '),
      align: zero === '0' ? '=' : ((align ?? '') as Spec['align']),
      sign: sign === '+' || sign === ' ' ? sign : '',
      isNumeric: zero === '0' || align === '=' || (sign ?? '') !== '' || alternate === '#',
      alternate: alternate === '#',
      width: width === undefined ? 0 : sizeOf(width),
      separator: separator ?? '',
      precision: precision === undefined ? undefined : sizeOf(precision),
      type: type ?? '',
    },
  };
}

/** The end of the field that begins at `start`, after its brace; a field may hold fields. */
function fieldEnd(template: string, start: number): number {
  let depth = 1;
  for (let at = start; at < template.length; at++) {
    if (template[at] === '{') depth++;
    if (template[at] === '}' && --depth === 0) return at;
  }
  throw rowError("format: a '{' is not closed; '{{' stands for itself");
}

/** Reads a template of format. @throws `value_error` */
export function readFields(template: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const args = new Arguments();
  let literal = '';
  for (let at = 0; at < template.length; at++) {
    const char = template.charAt(at);
    if (char !== '{' && char !== '}') {
      literal += char;
      continue;
    }
    if (template.charAt(at + 1) === char) {
      literal += char;
      at++;
      continue;
    }
    if (char === '}') throw rowError("format: a '}' closes nothing; '}}' stands for itself");
    const end = fieldEnd(template, at + 1);
    if (literal !== '') pieces.push(literal);
    literal = '';
    pieces.push(readField(template.slice(at + 1, end), args));
    at = end;
  }
  if (literal !== '') pieces.push(literal);
  return pieces;
}

const CONVERSION = /^(?:(\d+)\$)?([-+ #0]*)([,_']?)(\d+|\*)?(\.(?:\d+|\*)?)?(?:hh|h|ll|l|j|z|t|L)?(.)/su;

function readConversion(text: string, args: Arguments): { readonly field: Field; readonly length: number } {
  const match = CONVERSION.exec(text);
  if (match === null) throw rowError('printf: a % at the end; %% stands for itself');
  const [whole, place, flags = '', mark, width, point, type = ''] = match;
  // A point without digits separates the groups of integers, and is no digit of floats.
  const isGrouped = point === '.' && /[di]/.test(type);
  const separator = isGrouped ? '.' : mark;
  const precision = point === undefined || isGrouped ? undefined : point === '.' ? '0' : point.slice(1);
  if (!/[a-zA-Z]/.test(type)) throw rowError(`printf: %${whole.slice(0, 40)} is not a field`);
  const widthFrom = width === '*' ? args.take(undefined) : undefined;
  const precisionFrom = precision === '*' ? args.take(undefined) : undefined;
  const index = place === undefined ? args.take(undefined) : args.take(place) - 1;
  const isLeft = flags.includes('-');
  const isZero = flags.includes('0') && !isLeft;
  const field: Field = {
    index,
    widthFrom,
    precisionFrom,
    spec: {
      fill: isZero ? '0' : ' ',
      align: isLeft ? '<' : isZero ? '=' : '>',
      sign: flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '',
      alternate: flags.includes('#'),
      isNumeric: false,
      width: width === undefined || width === '*' ? 0 : sizeOf(width),
      separator: separator ?? '',
      precision: precision === undefined || precision === '*' ? undefined : sizeOf(precision),
      type,
    },
  };
  return { field, length: whole.length };
}

/** Reads a template of printf. @throws `value_error` */
export function readPrintf(template: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const args = new Arguments();
  let from = 0;
  for (;;) {
    const at = template.indexOf('%', from);
    if (at < 0) break;
    if (at > from) pieces.push(template.slice(from, at));
    if (template[at + 1] === '%') {
      pieces.push('%');
      from = at + 2;
      continue;
    }
    const { field, length } = readConversion(template.slice(at + 1, at + 81), args);
    pieces.push(field);
    from = at + 1 + length;
  }
  if (from < template.length) pieces.push(template.slice(from));
  return pieces;
}
