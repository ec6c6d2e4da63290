/**
 * Variance and its kin, skewness, kurtosis; sums with compensation, products and geometric means.
 *
 * Hides the recurrences. Invariants: variances are Welford's, so that they agree with DuckDB's to the last digits;
 * skewness and kurtosis come from power sums, as there. Source: Welford, "Note on a method for calculating corrected
 * sums of squares and products", Technometrics 1962; Kahan, "Pracniques: further remarks on reducing truncation
 * errors", CACM 1965.
 */
import { EngineError } from '../base/errors.ts';
import type { Fold } from './aggregate-fold.ts';

/** Count, mean, sum of squared differences from it. */
function welford(finish: (count: number, squares: number) => number | undefined): Fold {
  return {
    slots: 3,
    add: (state, at, x) => {
      const mean = state[at + 1] as number;
      const moved = mean + (x - mean) / (state[at] as number);
      state[at + 1] = moved;
      state[at + 2] = (state[at + 2] as number) + (x - moved) * (x - mean);
    },
    finish: (state, at) => finish(state[at] as number, state[at + 2] as number),
  };
}

function populationVariance(count: number, squares: number): number | undefined {
  if (count === 0) return undefined;
  return count === 1 ? 0 : squares / count;
}

function sampleVariance(count: number, squares: number): number | undefined {
  return count < 2 ? undefined : squares / (count - 1);
}

function rootOf(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.sqrt(value);
}

/** Count, then the sums of x, x², x³ and x⁴. */
function powers(finish: (count: number, sums: Float64Array) => number | undefined): Fold {
  return {
    slots: 5,
    add: (state, at, x) => {
      const square = x * x;
      state[at + 1] = (state[at + 1] as number) + x;
      state[at + 2] = (state[at + 2] as number) + square;
      state[at + 3] = (state[at + 3] as number) + square * x;
      state[at + 4] = (state[at + 4] as number) + square * square;
    },
    finish: (state, at) => finish(state[at] as number, state.subarray(at + 1, at + 5)),
  };
}

function finite(name: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new EngineError('value_error', `${name} is not a finite number; leave out infinite, NaN and huge values`);
}

function skewnessOf(count: number, sums: Float64Array): number | undefined {
  if (count < 3) return undefined;
  const [sum = 0, squares = 0, cubes = 0] = sums;
  const part = 1 / count;
  // Rounding may leave a little less than nothing.
  const power = Math.max((part * (squares - sum * sum * part)) ** 3, 0);
  const divisor = Math.sqrt(power);
  if (divisor === 0) return undefined;
  const correction = Math.sqrt(count * (count - 1)) / (count - 2);
  const third = cubes - 3 * squares * sum * part + 2 * sum ** 3 * part * part;
  return finite('skewness', (correction * part * third) / divisor);
}

function kurtosisOf(name: string, isSample: boolean, count: number, sums: Float64Array): number | undefined {
  if (count < (isSample ? 4 : 2)) return undefined;
  const [sum = 0, squares = 0, cubes = 0, fourths = 0] = sums;
  const part = 1 / count;
  const second = part * (squares - sum * sum * part);
  if (second <= 0) return undefined;
  const inner = fourths - 4 * cubes * sum * part + 6 * squares * sum * sum * part * part - 3 * sum ** 4 * part ** 3;
  const fourth = part * inner;
  const plain = fourth / (second * second);
  if (!isSample) return finite(name, plain - 3);
  const scaled = (count - 1) * ((count + 1) * plain - 3 * (count - 1));
  return finite(name, scaled / ((count - 2) * (count - 3)));
}

/** Count, sum, and what the sum is too large by. */
function kahan(finish: (count: number, sum: number) => number): Fold {
  return {
    slots: 3,
    add: (state, at, x) => {
      const difference = x - (state[at + 2] as number);
      const sum = state[at + 1] as number;
      const moved = sum + difference;
      state[at + 2] = moved - sum - difference;
      state[at + 1] = moved;
    },
    finish: (state, at) => {
      const count = state[at] as number;
      return count === 0 ? undefined : finish(count, state[at + 1] as number);
    },
  };
}

const PRODUCT: Fold = {
  slots: 2,
  add: (state, at, x) => {
    state[at + 1] = state[at] === 1 ? x : (state[at + 1] as number) * x;
  },
  finish: (state, at) => (state[at] === 0 ? undefined : state[at + 1]),
};

/** By logarithms: negative numbers make it NaN, zero makes it zero. */
const GEOMETRIC_MEAN: Fold = {
  slots: 2,
  add: (state, at, x) => {
    state[at + 1] = (state[at + 1] as number) + Math.log(x);
  },
  finish: (state, at) => {
    const count = state[at] as number;
    return count === 0 ? undefined : Math.exp((state[at + 1] as number) / count);
  },
};

/** The folds over one argument, by the aggregate's name. */
export const MOMENTS = {
  var_samp: welford(sampleVariance),
  var_pop: welford(populationVariance),
  stddev_samp: welford((count, squares) => rootOf(sampleVariance(count, squares))),
  stddev_pop: welford((count, squares) => rootOf(populationVariance(count, squares))),
  sem: welford((count, squares) => (count === 0 ? undefined : Math.sqrt(squares / count) / Math.sqrt(count))),
  skewness: powers(skewnessOf),
  kurtosis: powers((count, sums) => kurtosisOf('kurtosis', true, count, sums)),
  kurtosis_pop: powers((count, sums) => kurtosisOf('kurtosis_pop', false, count, sums)),
  fsum: kahan((_, sum) => sum),
  favg: kahan((count, sum) => sum / count),
  product: PRODUCT,
  geomean: GEOMETRIC_MEAN,
} as const;
