/**
 * Numbers shown to people: bar, format_bytes, formatReadableDecimalSize, and read again.
 *
 * Hides nothing. Invariant: a bar has exactly its width in characters.
 */
import type { Vector } from '../arrow/vector.ts';
import { numbersOf, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { decimalValues } from './decimal.ts';
import type { FunctionEntry } from './entry.ts';
import { eachRow, rowError, strictEntry, textRows, textsOf } from './scalar-frame.ts';
import { UINT64, UTF8 } from './signature.ts';

const BAR_WIDTH = 80;
const BAR_WIDEST = 1_000;
/** No eighths to seven eighths of a character. */
const EIGHTHS = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** How full the bar is, in eighths of a character. */
function barEighths(x: number, low: number, high: number, width: number): number {
  if (x !== x || low !== low || high !== high || x <= low) return 0;
  if (x >= high) return Math.floor(width * 8);
  const share = (x - low) / (high - low);
  if (share !== share) throw rowError('bar: its ends cannot both be infinite');
  return Math.floor(share * width * 8);
}

const barKernel: Kernel = (args, rowCount, type) => {
  const [x, low, high, widths] = args.map(numbersOf);
  return textRows(args, rowCount, type, (i, out) => {
    const width = widths === undefined ? BAR_WIDTH : (widths[i] as number);
    if (!(width >= 1 && width <= BAR_WIDEST)) {
      throw rowError(`bar: the width ${width.toString()} is not between 1 and ${BAR_WIDEST.toString()}`);
    }
    const places = Math.floor(width);
    const eighths = barEighths(x?.[i] as number, low?.[i] as number, high?.[i] as number, width);
    const part = eighths % 8 === 0 ? '' : (EIGHTHS[eighths % 8] as string);
    const text = '█'.repeat(Math.floor(eighths / 8)) + part;
    out.appendText(text.padEnd(places, ' '));
  });
};

const BINARY_UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const DECIMAL_UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'];

/** '16.0 KiB': one digit after the point, cut and not rounded. */
function sizeText(value: bigint, step: bigint, units: readonly string[]): string {
  const size = value < 0n ? -value : value;
  const sign = value < 0n ? '-' : '';
  if (size < step) return `${sign}${size.toString()} ${size === 1n ? 'byte' : 'bytes'}`;
  let unit = 0;
  let scale = step;
  while (unit < units.length - 1 && size >= scale * step) {
    scale *= step;
    unit++;
  }
  const tenths = ((size % scale) * 10n) / scale;
  return `${sign}${(size / scale).toString()}.${tenths.toString()} ${units[unit] as string}`;
}

function sizeEntry(
  name: string,
  aliases: readonly string[],
  step: bigint,
  units: readonly string[],
  doc: string,
  example: string,
): FunctionEntry {
  const kernel: Kernel = (args, rowCount, type) => {
    const values = decimalValues(args[0] as Vector);
    return textRows(args, rowCount, type, (i, out) => out.appendText(sizeText(values(i), step, units)));
  };
  return strictEntry({ name, aliases, overloads: [['int64']], type: UTF8, doc, example, kernel });
}

const STEPS: ReadonlyMap<string, number> = new Map<string, number>([
  ...['b', 'byte', 'bytes'].map((unit) => [unit, 1] as const),
  ...['kb', 'mb', 'gb', 'tb'].map((unit, i) => [unit, 1000 ** (i + 1)] as const),
  ...['kib', 'mib', 'gib', 'tib'].map((unit, i) => [unit, 1024 ** (i + 1)] as const),
]);

/** Reads `1.5 GiB`: bytes, without a fraction. */
function bytesOfSize(text: string): bigint {
  const match = /^\s*(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*([a-z]*)\s*$/iu.exec(text);
  const shown = text.length > 40 ? `${text.slice(0, 37)}...` : text;
  const step = STEPS.get((match?.[3] ?? '').toLowerCase());
  if (match === null || step === undefined) {
    throw rowError(`'${shown}' is no number of bytes; write one with its unit, such as '1.5 GiB' or '20 MB'`);
  }
  const bytes = Math.trunc(Number(`${match[1] ?? ''}${match[2] ?? ''}`) * step);
  if (bytes < 2 ** 64) return BigInt(bytes);
  throw rowError(`'${shown}' is more bytes than a UBIGINT can hold`);
}

const parseKernel: Kernel = (args, rowCount, type) => {
  const texts = textsOf(args[0] as Vector);
  const out = new BigUint64Array(rowCount);
  const validity = eachRow(args, rowCount, (row) => {
    out[row] = bytesOfSize(texts(row));
  });
  return vectorOf(type, rowCount, validity, new Uint8Array(out.buffer));
};

/** The entries of this family. */
export const TEXT_SHOW: readonly FunctionEntry[] = [
  strictEntry({
    name: 'bar',
    overloads: [
      ['double', 'double', 'double'],
      ['double', 'double', 'double', 'double'],
    ],
    type: UTF8,
    doc: 'A bar that is empty at the second number and full at the third, 80 characters or as many as told wide.',
    example: "bar(5, 0, 10, 4) → '██  '",
    fails: true,
    kernel: barKernel,
  }),
  sizeEntry(
    'format_bytes',
    ['formatreadablesize', 'pg_size_pretty'],
    1024n,
    BINARY_UNITS,
    'A number of bytes in KiB, MiB and so on.',
    "format_bytes(16384) → '16.0 KiB'",
  ),
  sizeEntry(
    'formatreadabledecimalsize',
    [],
    1000n,
    DECIMAL_UNITS,
    'A number of bytes in kB, MB and so on.',
    "formatReadableDecimalSize(16000) → '16.0 kB'",
  ),
  strictEntry({
    name: 'parse_formatted_bytes',
    overloads: [['text']],
    type: UINT64,
    doc: 'The number of bytes that a text such as `1.5 GiB` or `20 MB` says.',
    example: "parse_formatted_bytes('1.5 KiB') → 1536",
    fails: true,
    kernel: parseKernel,
  }),
];
