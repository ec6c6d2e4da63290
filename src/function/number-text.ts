/**
 * Numbers as text and back.
 *
 * Hides the shortest form of floats. Invariants: what `floatText` writes reads back as the same float; integers and
 * decimals are exact; an exponent stands from 1e16 on and below 1e-4, with two digits at least (DuckDB's form).
 */

/** A number written in text, exactly: unscaled × 10^-scale. */
export interface ExactNumber {
  readonly unscaled: bigint;
  readonly scale: number;
}

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;
const EXPONENT_MAX = 400;
/** Digits of the widest whole number in base 2. */
const CODED_DIGITS = 128;

/**
 * Reads a decimal number with optional fraction and exponent; undefined when `text` is none. Spaces around are fine.
 */
export function parseExact(text: string): ExactNumber | undefined {
  const match = NUMBER.exec(text.trim());
  if (match === null) return undefined;
  const whole = match[2] ?? '';
  const fraction = match[3] ?? '';
  const exponent = Number(match[4] ?? '0');
  if (whole.length + fraction.length === 0) return undefined;
  const digits = BigInt(whole + fraction);
  // What is too small to be seen, and nothing times anything, is nothing.
  if (digits === 0n || exponent < -EXPONENT_MAX - whole.length) return { unscaled: 0n, scale: 0 };
  if (exponent > EXPONENT_MAX) return undefined;
  const unscaled = match[1] === '-' ? -digits : digits;
  const scale = fraction.length - exponent;
  return scale >= 0 ? { unscaled, scale } : { unscaled: unscaled * 10n ** BigInt(-scale), scale: 0 };
}

/** `0x1f` and `0b101`, `_` between digits, as whole numbers; undefined for all other text. */
export function parseCoded(text: string): bigint | undefined {
  if (!/^0(?:x[0-9a-f]+(?:_[0-9a-f]+)*|b[01]+(?:_[01]+)*)$/iu.test(text)) return undefined;
  const digits = text
    .slice(2)
    .replaceAll('_', '')
    .replace(/^0+(?=.)/u, '');
  // Longer ones are beyond every type, and reading them would cost the square of their length.
  return digits.length > CODED_DIGITS ? undefined : BigInt(`${text.slice(0, 2)}${digits}`);
}

const SPECIAL: Readonly<Record<string, number>> = {
  inf: Infinity,
  infinity: Infinity,
  nan: NaN,
};

/**
 * Reads a float, `inf`, `infinity` or `nan` in any case; undefined when `text` is none. What is too large is infinite.
 */
export function parseFloatText(text: string): number | undefined {
  const trimmed = text.trim();
  if (NUMBER.test(trimmed) && /^[+-]?\.?\d/.test(trimmed)) return Number(trimmed);
  const sign = trimmed.startsWith('-') ? -1 : 1;
  const special = SPECIAL[trimmed.replace(/^[+-]/, '').toLowerCase()];
  return special === undefined ? undefined : sign * special;
}

/** The digits and the decimal exponent of a finite positive number, from its shortest decimal form. */
function digitsOf(shortest: string): { readonly digits: string; readonly exponent: number } {
  const [mantissa = '', power = '0'] = shortest.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  const leading = all.length - all.replace(/^0+/, '').length;
  const digits = all.slice(leading).replace(/0+$/, '');
  return { digits, exponent: Number(power) + whole.length - 1 - leading };
}

function shortestSingle(value: number): string {
  for (let precision = 1; precision < 9; precision++) {
    const text = value.toPrecision(precision);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toPrecision(9);
}

/** The shortest text that reads back as the same float of `bitWidth` bits: `0.1`, `1.0`, `1e+20`, `nan`, `-inf`. */
export function floatText(value: number, bitWidth: number): string {
  if (value !== value) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Infinity) return `${sign}inf`;
  if (size === 0) return `${sign}0.0`;
  const { digits, exponent } = digitsOf(bitWidth === 64 ? size.toString() : shortestSingle(size));
  if (exponent < -4 || exponent >= 16) {
    const power = Math.abs(exponent).toString().padStart(2, '0');
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits.charAt(0)}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const padded = digits.padEnd(exponent + 1, '0');
  const fraction = padded.slice(exponent + 1);
  return `${sign}${padded.slice(0, exponent + 1)}.${fraction === '' ? '0' : fraction}`;
}
