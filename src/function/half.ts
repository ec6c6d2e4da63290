/**
 * Half floats (binary16) to numbers and back.
 *
 * Hides the bit fields; Float16Array is missing in Node 20 and 22. Invariant: rounding is to the nearest, ties to
 * even.
 * Source: IEEE 754-2019, binary16.
 */

const TABLE_ROWS = 65536;
let table: Float64Array | undefined;

function decode(half: number): number {
  const sign = half >= 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Every half float as a number, by its bits. */
function decodeTable(): Float64Array {
  if (table === undefined) {
    table = new Float64Array(TABLE_ROWS);
    for (let i = 0; i < TABLE_ROWS; i++) table[i] = decode(i);
  }
  return table;
}

/** Reads half floats as numbers. */
export function numbersFromHalves(halves: Uint16Array): Float64Array {
  const values = decodeTable();
  const numbers = new Float64Array(halves.length);
  for (let i = 0; i < halves.length; i++) numbers[i] = values[halves[i] as number] as number;
  return numbers;
}

/** Rounds half to even. */
export function roundEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function encode(value: number): number {
  if (value !== value) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundEven(size * 2 ** 24);
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent--;
  if (2 ** (exponent + 1) <= size) exponent++;
  const fraction = roundEven(size * 2 ** (10 - exponent)) - 1024;
  return sign | (((exponent + 15) << 10) + fraction);
}

/** Writes numbers as half floats; what is too large becomes an infinity. */
export function halvesFromNumbers(numbers: Float64Array): Uint16Array {
  const halves = new Uint16Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) halves[i] = encode(numbers[i] as number);
  return halves;
}
