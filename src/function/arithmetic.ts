/**
 * Arithmetic: + - * / // % and unary minus, abs, on numbers; on dates and intervals by arithmetic-date.
 *
 * Hides which kernel serves which types. Invariants: integer results never wrap, they are `value_error`; `/` always
 * divides as floating point; `//` by zero is null, and so is `%` but for floats (DECISIONS 8); half floats compute as
 * float32.
 * Source: DuckDB, "Numeric operators".
 */
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { resolveTemporal, temporalKernel } from './arithmetic-date.ts';
import { decimalKernel } from './arithmetic-decimal.ts';
import { floatKernel } from './arithmetic-float.ts';
import { int64Kernel } from './arithmetic-int64.ts';
import { smallIntKernel } from './arithmetic-int.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import {
  asDecimal,
  commonType,
  decimalType,
  DOUBLE,
  FLOAT,
  flatType,
  HUGE,
  INT64,
  isNumeric,
  strictCall,
} from './signature.ts';

/** Operators that every numeric kernel family implements. */
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '//' | '%' | 'negate' | 'abs';

function numericPair(args: readonly DataType[]): DataType | undefined {
  const [a, b] = args.map(flatType);
  if (a === undefined || b === undefined || args.length !== 2) return undefined;
  if (a.id === 'null' && b.id === 'null') return INT64;
  const common = commonType(a, b);
  if (common === undefined || !isNumeric(common) || a.id === 'bool' || b.id === 'bool') return undefined;
  return common.id === 'float' && common.bitWidth === 16 ? FLOAT : common;
}

const HUGE_DIGITS = 38;

function decimalResult(operator: string, args: readonly DataType[], common: DataType): ResolvedCall | undefined {
  const [a, b] = args.map((type) => asDecimal(flatType(type)) ?? asDecimal(common));
  if (a === undefined || b === undefined || common.id !== 'decimal') return undefined;
  const bitWidth = common.bitWidth === 256 ? 256 : 128;
  if (operator === '*') {
    const scale = a.scale + b.scale;
    // Integers that only meet in 128 bits multiply there.
    const areIntegers = args.every((type) => flatType(type).id === 'int');
    const precision = areIntegers ? HUGE_DIGITS : a.precision + b.precision;
    if (scale > (bitWidth === 256 ? 76 : 38)) return undefined;
    const widened = [decimalType(a.precision, a.scale, bitWidth), decimalType(b.precision, b.scale, bitWidth)];
    return strictCall('*', widened, decimalType(precision, scale, bitWidth));
  }
  const divides = operator === '%' || operator === '//';
  const type = decimalType(divides ? common.precision : common.precision + 1, common.scale, bitWidth);
  return strictCall(operator, [type, type], type, divides);
}

/** Integers, null, and what stands for HUGEINT: those divide by // as integers. */
function isInteger(type: DataType): boolean {
  return type.id === 'int' || type.id === 'null' || sameType(type, HUGE);
}

function resolveBinary(operator: ArithmeticOperator): (args: readonly DataType[]) => ResolvedCall | undefined {
  return (args) => {
    const common = numericPair(args);
    if (common === undefined) return undefined;
    const integers = args.every((type) => isInteger(flatType(type)));
    if (operator === '/' || (operator === '//' && common.id === 'decimal' && !integers)) {
      const type = common.id === 'float' && common.bitWidth === 32 ? FLOAT : DOUBLE;
      return strictCall(operator, [type, type], type, operator === '//');
    }
    if (common.id === 'decimal') return decimalResult(operator, args, common);
    return strictCall(
      operator,
      [common, common],
      common,
      operator === '//' || (operator === '%' && common.id === 'int'),
    );
  };
}

function resolveUnary(name: string): (args: readonly DataType[]) => ResolvedCall | undefined {
  return (args) => {
    const [argument] = args;
    if (argument === undefined || args.length !== 1) return undefined;
    const flat = flatType(argument);
    if (flat.id === 'null') return strictCall(name, [INT64], INT64);
    if (!isNumeric(flat)) return undefined;
    const type = flat.id === 'float' && flat.bitWidth === 16 ? FLOAT : flat;
    return strictCall(name, [type], type);
  };
}

function resolveSum(operator: '+' | '-'): (args: readonly DataType[]) => ResolvedCall | undefined {
  const binary = resolveBinary(operator);
  const unary = resolveUnary(operator);
  return (args) => {
    return (args.length === 1 ? unary(args) : binary(args)) ?? resolveTemporal(operator, args);
  };
}

/** Products and quotients, of intervals too. */
function resolveScale(operator: '*' | '/'): (args: readonly DataType[]) => ResolvedCall | undefined {
  const binary = resolveBinary(operator);
  return (args) => binary(args) ?? resolveTemporal(operator, args);
}

/** Picks the kernel by the parameters' types. */
function numericKernel(operator: ArithmeticOperator, parameters: readonly DataType[]): Kernel {
  const [type] = parameters;
  if (type?.id === 'float') return floatKernel(operator, type.bitWidth === 64 ? 64 : 32);
  if (type?.id === 'decimal') return decimalKernel(operator, parameters);
  if (type?.id === 'int' && type.bitWidth === 64) return int64Kernel(operator, type.signed);
  if (type?.id === 'int') return smallIntKernel(operator, type.bitWidth, type.signed);
  throw new TypeError(`no arithmetic on ${type?.id ?? 'nothing'}`);
}

function sumKernel(operator: '+' | '-', parameters: readonly DataType[]): Kernel {
  const temporal = temporalKernel(operator, parameters);
  if (temporal !== undefined) return temporal;
  if (parameters.length === 1) {
    return operator === '-'
      ? numericKernel('negate', parameters)
      : ([vector]) => vector as NonNullable<typeof vector>;
  }
  return numericKernel(operator, parameters);
}

const NUMBERS = '(number, number)';

/** The entries of this family. */
export const ARITHMETIC: readonly FunctionEntry[] = [
  {
    name: '+',
    aliases: ['add'],
    expects: `${NUMBERS}, (date, int32), (date, time), a moment and an interval, two intervals, or (number)`,
    doc: 'Adds; days to a date, an interval to a moment; a result out of range is an error.',
    example: '1 + 2 → 3',
    resolve: resolveSum('+'),
    kernel: (parameters) => sumKernel('+', parameters),
  },
  {
    name: '-',
    aliases: ['subtract'],
    expects: `${NUMBERS}, (date, int32), (date, date), (timestamp, timestamp), a moment and an interval, or (number)`,
    doc: 'Subtracts, or negates one argument; the days between two dates, the interval between two timestamps.',
    example: '3 - 5 → -2',
    resolve: resolveSum('-'),
    kernel: (parameters) => sumKernel('-', parameters),
  },
  {
    name: '*',
    aliases: ['multiply'],
    expects: `${NUMBERS} or (interval, number)`,
    doc: 'Multiplies; an integer or decimal result out of range is an error.',
    example: '6 * 7 → 42',
    resolve: resolveScale('*'),
    kernel: (parameters) => temporalKernel('*', parameters) ?? numericKernel('*', parameters),
  },
  {
    name: '/',
    expects: `${NUMBERS} or (interval, number)`,
    doc: 'Divides as floating point, integers too; by zero gives an infinity or NaN.',
    example: '7 / 2 → 3.5',
    resolve: resolveScale('/'),
    kernel: (parameters) => temporalKernel('/', parameters) ?? numericKernel('/', parameters),
  },
  {
    name: '//',
    aliases: ['divide'],
    expects: NUMBERS,
    doc: 'Divides integers, rounding towards zero; on other numbers the same as `/`. By zero gives NULL.',
    example: '-7 // 2 → -3',
    resolve: resolveBinary('//'),
    kernel: (parameters) => numericKernel('//', parameters),
  },
  {
    name: '%',
    aliases: ['mod'],
    expects: NUMBERS,
    doc: "The remainder, with the dividend's sign; integers and decimals by zero give NULL.",
    example: '-7 % 2 → -1',
    resolve: resolveBinary('%'),
    kernel: (parameters) => numericKernel('%', parameters),
  },
  {
    name: 'abs',
    aliases: ['@'],
    expects: '(number)',
    doc: 'The absolute value.',
    example: 'abs(-3) → 3',
    resolve: resolveUnary('abs'),
    kernel: (parameters) => numericKernel('abs', parameters),
  },
];
