/**
 * Exact arithmetic of decimals by name: decimal_division and the aggregate decimal_average.
 *
 * Hides scales. Invariants: quotients and means are rounded to the nearest, halves to even; a mean has the type of its
 * values; a quotient whose type would need more than 38 digits is refused when it is bound, and division by zero fails.
 * Source: SQL Server's rule for the type of a quotient, as DuckDB has it.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, vectorOf } from './column.ts';
import type { Accumulator, Kernel } from './contract.ts';
import { decimalValues, storeDecimal } from './decimal.ts';
import type { AggregateEntry, FunctionEntry, KnownArgument } from './entry.ts';
import { flagBits } from './group-state.ts';
import { eachRow, rowError } from './scalar-frame.ts';
import { asDecimal, flatType, INT32, strictCall, valueType } from './signature.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';

type Decimal = DataType & { readonly id: 'decimal' };

const DIGITS = 38;

function decimalOf(type: DataType | undefined): Decimal | undefined {
  return type === undefined ? undefined : asDecimal(flatType(type));
}

function quotientType(a: Decimal, b: Decimal, asked: number | undefined): Decimal | undefined {
  const scale = asked ?? Math.max(6, a.scale + b.precision + 1);
  const precision = a.precision - a.scale + b.scale + scale;
  if (!(scale >= 0 && scale <= DIGITS) || precision > DIGITS) return undefined;
  return { id: 'decimal', bitWidth: 128, precision: Math.max(precision, 1), scale };
}

const divisionKernel: Kernel = (args, rowCount, type) => {
  const [dividend, divisor] = args as [Vector, Vector];
  const [a, b] = [dividend.type as Decimal, divisor.type as Decimal];
  const [above, below] = [decimalValues(dividend), decimalValues(divisor)];
  const shift = b.scale + (type as Decimal).scale - a.scale;
  const [up, down] = [10n ** BigInt(Math.max(shift, 0)), 10n ** BigInt(Math.max(-shift, 0))];
  const words = new Int32Array(rowCount * 4);
  const validity = eachRow(args, rowCount, (row) => {
    const by = below(row) * down;
    if (by === 0n) throw rowError('decimal_division: division by zero');
    storeDecimal(words, row, 128, roundedQuotient(by < 0n ? -above(row) * up : above(row) * up, by < 0n ? -by : by));
  });
  return vectorOf(type, rowCount, validity, bytesOf(words));
};

/** The entry of decimal_division. */
export const DECIMAL_DIVISION: FunctionEntry = {
  name: 'decimal_division',
  expects:
    '(decimal, decimal) or (decimal, decimal, constant integer from 0 to 38), whose quotient has at most 38 digits',
  doc: 'The quotient as a decimal of six digits behind the point, or as many as its operands ask, or as many as told.',
  example: 'decimal_division(10.00, 4.00) → 2.500000',
  fails: true,
  resolve: ([dividend, divisor, scale, ...more], known: readonly KnownArgument[]) => {
    const [a, b] = [decimalOf(dividend), decimalOf(divisor)];
    const asked = known[2]?.value;
    if (a === undefined || b === undefined || more.length > 0) return undefined;
    if (scale !== undefined && typeof asked !== 'number') return undefined;
    const type = quotientType(a, b, typeof asked === 'number' ? asked : undefined);
    if (type === undefined) return undefined;
    return strictCall('decimal_division', [a, b, ...(scale === undefined ? [] : [INT32])], type);
  },
  kernel: () => divisionKernel,
};

/** Sums as whole numbers of any size, and counts. */
class MeanAccumulator implements Accumulator {
  readonly #type: Decimal;
  readonly #sums: bigint[] = [];
  readonly #counts: number[] = [];

  constructor(type: Decimal) {
    this.#type = type;
  }

  #grow(groupCount: number): void {
    while (this.#sums.length < groupCount) {
      this.#sums.push(0n);
      this.#counts.push(0);
    }
  }

  update([vector]: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#grow(groupCount);
    const values = decimalValues(vector as Vector);
    const { bits } = validityOf(vector as Vector);
    for (let i = 0; i < rowCount; i++) {
      if (bits !== undefined && !bitAt(bits, i)) continue;
      const group = groups[i] as number;
      this.#sums[group] = (this.#sums[group] as bigint) + values(i);
      this.#counts[group] = (this.#counts[group] as number) + 1;
    }
  }

  finish(groupCount: number): Vector {
    this.#grow(groupCount);
    const { bitWidth } = this.#type;
    const words = new Int32Array((groupCount * bitWidth) / 32);
    const known = new Uint8Array(groupCount);
    for (let g = 0; g < groupCount; g++) {
      const count = BigInt(this.#counts[g] as number);
      if (count === 0n) continue;
      known[g] = 1;
      storeDecimal(words, g, bitWidth, roundedQuotient(this.#sums[g] as bigint, count));
    }
    return vectorOf(this.#type, groupCount, validityFrom(flagBits(known, groupCount), groupCount), bytesOf(words));
  }

  byteCount(): number {
    return this.#sums.length * 40;
  }
}

/** The nearest whole number, halves to even; `by` is positive. */
function roundedQuotient(value: bigint, by: bigint): bigint {
  const cut = value / by;
  const rest = value % by;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  const isUp = twice > by || (twice === by && cut % 2n !== 0n);
  return isUp ? cut + (value < 0n ? -1n : 1n) : cut;
}

/** The entry of decimal_average. */
export const DECIMAL_AVERAGE: AggregateEntry = {
  name: 'decimal_average',
  expects: '(decimal)',
  doc: 'The mean of decimals in their own type, rounded to the nearest, halves to even.',
  example: 'decimal_average(x::DECIMAL(5, 2)) over 1, 2, NULL → 1.50',
  resolve: ([given, ...more]) => {
    const type = given === undefined ? undefined : decimalOf(valueType(given));
    if (type === undefined || more.length > 0) return undefined;
    return { name: 'decimal_average', parameters: [type], type, canMakeNull: true, nulls: 'custom' };
  },
  method: ([type]) => ({ kind: 'running', accumulator: new MeanAccumulator(type as Decimal) }),
};
