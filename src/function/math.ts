/**
 * Mathematical functions of doubles: roots, logarithms, powers, angles, tests.
 *
 * Hides nothing. Invariants: they follow IEEE 754, as DuckDB 2.0 does: an argument outside of a function's domain
 * gives NaN or an infinity and never an error; the last digit may differ from that of another machine's library.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { numbersOf, vectorFromNumbers } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { even, gamma, lgamma, nextDouble, nextSingle } from './math-special.ts';
import { boolRows } from './scalar-frame.ts';
import { BOOL, DOUBLE, FLOAT, flatType, isNumeric, strictCall } from './signature.ts';
import { momentParameter } from './time-signature.ts';
import { momentsOf } from './time-words.ts';
import { mergeValidity } from './validity.ts';

/** Doubles for every number and null. */
function doubles(args: readonly DataType[], count: number): readonly DataType[] | undefined {
  const fits = args.length === count && args.every((type) => type.id === 'null' || isNumeric(flatType(type)));
  return fits ? args.map(() => DOUBLE) : undefined;
}

/** As `doubles`, but all are floats when there is one and no double. */
function floats(args: readonly DataType[], count: number): readonly DataType[] | undefined {
  const parameters = doubles(args, count);
  const widths = args.map(flatType).map((type) => (type.id === 'float' ? type.bitWidth : 0));
  const areSingle = widths.some((width) => width > 0) && !widths.includes(64);
  return parameters !== undefined && areSingle ? args.map(() => FLOAT) : parameters;
}

function unaryKernel(compute: (x: number) => number): Kernel {
  return (args, rowCount, type) => {
    const x = numbersOf(args[0] as Vector);
    const out = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) out[i] = compute(x[i] as number);
    return vectorFromNumbers(type, out, rowCount, mergeValidity(args, rowCount));
  };
}

function binaryKernel(compute: (x: number, y: number) => number): Kernel {
  return (args, rowCount, type) => {
    const x = numbersOf(args[0] as Vector);
    const y = numbersOf(args[1] as Vector);
    const out = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) out[i] = compute(x[i] as number, y[i] as number);
    return vectorFromNumbers(type, out, rowCount, mergeValidity(args, rowCount));
  };
}

function unary(name: string, compute: (x: number) => number, doc: string, example: string): FunctionEntry {
  const kernel = unaryKernel(compute);
  return {
    name,
    expects: '(number)',
    doc,
    example,
    resolve: (args) => {
      const parameters = doubles(args, 1);
      return parameters === undefined ? undefined : strictCall(name, parameters, DOUBLE);
    },
    kernel: () => kernel,
  };
}

function binary(
  name: string,
  aliases: readonly string[],
  compute: (x: number, y: number) => number,
  doc: string,
  example: string,
): FunctionEntry {
  const kernel = binaryKernel(compute);
  return {
    name,
    aliases,
    expects: '(number, number)',
    doc,
    example,
    resolve: (args) => {
      const parameters = doubles(args, 2);
      return parameters === undefined ? undefined : strictCall(name, parameters, DOUBLE);
    },
    kernel: () => kernel,
  };
}

function test(name: string, holds: (x: number) => boolean, doc: string, example: string): FunctionEntry {
  const kernel: Kernel = (args, rowCount, type) => {
    const x = numbersOf(args[0] as Vector);
    return boolRows(args, rowCount, type, (i) => holds(x[i] as number));
  };
  return {
    name,
    expects: '(number)',
    doc,
    example,
    resolve: (args) => {
      const parameters = floats(args, 1);
      return parameters === undefined ? undefined : strictCall(name, parameters, BOOL);
    },
    kernel: () => kernel,
  };
}

/** The test for dates and timestamps too, by their days: those of infinite ones are infinite. */
function ofMoments(name: string, holds: (x: number) => boolean, doc: string, example: string): FunctionEntry {
  const ofNumbers = test(name, holds, doc, example);
  return {
    ...ofNumbers,
    expects: '(number), (date) or (timestamp)',
    resolve: (args, known) => {
      const parameter = args.length === 1 ? momentParameter(args[0] as DataType, false) : undefined;
      const isMoment = parameter !== undefined && parameter.id !== 'time';
      return isMoment ? strictCall(name, [parameter], BOOL) : ofNumbers.resolve(args, known);
    },
    kernel: (parameters) => {
      if (parameters[0]?.id === 'float') return ofNumbers.kernel(parameters);
      return (args, rowCount, type) => {
        const { days } = momentsOf(args[0] as Vector);
        return boolRows(args, rowCount, type, (i) => holds(days[i] as number));
      };
    },
  };
}

/** Powers as C has them: 1 to any power is 1, and so is -1 to an infinite one. */
function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1;
  return Math.pow(x, y);
}

const LOG: FunctionEntry = {
  name: 'log',
  expects: '(number) or (number, number)',
  doc: 'The logarithm to base 10, or that of the second number to the base given first.',
  example: 'log(2, 8) → 3.0',
  resolve: (args) => {
    const parameters = doubles(args, args.length === 2 ? 2 : 1);
    return parameters === undefined ? undefined : strictCall('log', parameters, DOUBLE);
  },
  kernel: (parameters) =>
    parameters.length === 1 ? unaryKernel(Math.log10) : binaryKernel((b, x) => Math.log10(x) / Math.log10(b)),
};

const NEXT: FunctionEntry = {
  name: 'nextafter',
  expects: '(number, number)',
  doc: 'The next floating-point number after the first on the way to the second.',
  example: 'nextafter(1, 2) → 1.0000000000000002',
  resolve: (args) => {
    const parameters = floats(args, 2);
    return parameters === undefined ? undefined : strictCall('nextafter', parameters, parameters[0] as DataType);
  },
  kernel: ([type]) => binaryKernel(type?.id === 'float' && type.bitWidth === 32 ? nextSingle : nextDouble),
};

/** A function of two numbers that stays with floats; `single` rounds each step to them. */
function keepingFloats(
  name: string,
  compute: (x: number, y: number) => number,
  single: (x: number, y: number) => number,
  doc: string,
  example: string,
): FunctionEntry {
  return {
    ...binary(name, [], compute, doc, example),
    kernel: ([type]) => binaryKernel(type?.id === 'float' && type.bitWidth === 32 ? single : compute),
    resolve: (args) => {
      const parameters = floats(args, 2);
      return parameters === undefined ? undefined : strictCall(name, parameters, parameters[0] as DataType);
    },
  };
}

const PI: FunctionEntry = {
  name: 'pi',
  expects: 'no arguments',
  doc: 'The number π.',
  example: 'pi() → 3.141592653589793',
  resolve: (args) => (args.length === 0 ? strictCall('pi', [], DOUBLE) : undefined),
  kernel: () => (args, rowCount, type) => {
    return vectorFromNumbers(type, new Float64Array(rowCount).fill(Math.PI), rowCount, mergeValidity(args, rowCount));
  },
};

const DEGREE = Math.PI / 180;

/** The entries of this family. */
export const MATH: readonly FunctionEntry[] = [
  binary('^', ['**', 'pow', 'power'], power, 'The first number to the power of the second.', '2 ^ 10 → 1024.0'),
  unary('sqrt', Math.sqrt, 'The square root; NaN of a negative number.', 'sqrt(16) → 4.0'),
  unary('cbrt', Math.cbrt, 'The cube root.', 'cbrt(-8) → -2.0'),
  unary('exp', Math.exp, 'e to the power of the number.', 'exp(0) → 1.0'),
  unary('ln', Math.log, 'The natural logarithm; -inf of zero, NaN of a negative number.', 'ln(1) → 0.0'),
  LOG,
  unary('log2', Math.log2, 'The logarithm to base 2.', 'log2(8) → 3.0'),
  unary('log10', Math.log10, 'The logarithm to base 10.', 'log10(1000) → 3.0'),
  unary('sin', Math.sin, 'The sine of an angle in radians.', 'sin(0) → 0.0'),
  unary('cos', Math.cos, 'The cosine of an angle in radians.', 'cos(0) → 1.0'),
  unary('tan', Math.tan, 'The tangent of an angle in radians.', 'tan(0) → 0.0'),
  unary('cot', (x) => 1 / Math.tan(x), 'The cotangent of an angle in radians.', 'cot(0) → inf'),
  unary('asin', Math.asin, 'The angle in radians that has this sine.', 'asin(0) → 0.0'),
  unary('acos', Math.acos, 'The angle in radians that has this cosine.', 'acos(1) → 0.0'),
  unary('atan', Math.atan, 'The angle in radians that has this tangent.', 'atan(0) → 0.0'),
  binary('atan2', [], Math.atan2, 'The angle in radians of the point (second, first).', 'atan2(0, 1) → 0.0'),
  unary('sinh', Math.sinh, 'The hyperbolic sine.', 'sinh(0) → 0.0'),
  unary('cosh', Math.cosh, 'The hyperbolic cosine.', 'cosh(0) → 1.0'),
  unary('tanh', Math.tanh, 'The hyperbolic tangent.', 'tanh(0) → 0.0'),
  unary('asinh', Math.asinh, 'The inverse of the hyperbolic sine.', 'asinh(0) → 0.0'),
  unary('acosh', Math.acosh, 'The inverse of the hyperbolic cosine; NaN below 1.', 'acosh(1) → 0.0'),
  unary('atanh', Math.atanh, 'The inverse of the hyperbolic tangent; NaN beyond -1 and 1.', 'atanh(0) → 0.0'),
  unary('degrees', (x) => x / DEGREE, 'Radians as degrees.', 'degrees(pi()) → 180.0'),
  unary('radians', (x) => x * DEGREE, 'Degrees as radians.', 'radians(180) → 3.141592653589793'),
  PI,
  unary('gamma', gamma, 'The gamma function: (x - 1)! carried on to all numbers.', 'gamma(5) → 24.0'),
  unary('lgamma', lgamma, 'The logarithm of the absolute value of the gamma function.', 'lgamma(1) → 0.0'),
  unary('even', even, 'The next even number, away from zero.', 'even(2.9) → 4.0'),
  keepingFloats(
    'fdiv',
    (x, y) => Math.floor(x / y),
    (x, y) => Math.floor(Math.fround(x / y)),
    'The quotient, rounded down.',
    'fdiv(-7, 2) → -4.0',
  ),
  keepingFloats(
    'fmod',
    (x, y) => x - y * Math.floor(x / y),
    (x, y) => x - Math.fround(y * Math.floor(Math.fround(x / y))),
    "The remainder of fdiv, with the divisor's sign.",
    'fmod(-7.5, 2) → 0.5',
  ),
  NEXT,
  test('isnan', (x) => x !== x, 'True for NaN.', "isnan('nan'::DOUBLE) → true"),
  ofMoments('isinf', (x) => Math.abs(x) === Infinity, 'True for the infinities.', "isinf('inf'::DOUBLE) → true"),
  ofMoments('isfinite', Number.isFinite, 'True for what is neither NaN nor infinite.', 'isfinite(1.5) → true'),
  test('signbit', (x) => x < 0 || Object.is(x, -0), 'True when the sign is minus.', "signbit('-0.0'::DOUBLE) → true"),
];
