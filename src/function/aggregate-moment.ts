/**
 * Variance and its kin, skewness, kurtosis; sums with compensation, products and geometric means.
 *
 * Hides the recurrences. Invariants: variances are Welford's, so that they agree with DuckDB's to the last digits;
 * skewness and kurtosis come from central moments too, which keep digits that the sums of powers there lose when the
 * mean is far from zero. Source: Welford, "Note on a method for calculating corrected sums of squares and products",
 * Technometrics 1962; Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
 * statistical moments", SAND2008-6212; Kahan, "Pracniques: further remarks on reducing truncation
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
    combine: (state, at, other, from) => {
      const [own, more] = [state[at] as number, other[from] as number];
      const difference = (other[from + 1] as number) - (state[at + 1] as number);
      const share = more / (own + more);
      state[at + 2] = (state[at + 2] as number) + (other[from + 2] as number) + difference * difference * own * share;
      state[at + 1] = (state[at + 1] as number) + difference * share;
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

/** Central moments: sums of powers of the differences from the mean. */
interface Moments {
  readonly count: number;
  readonly second: number;
  readonly third: number;
  readonly fourth: number;
}

/** Count, mean, and the sums of the second, third and fourth powers of the differences from it. */
function moments(finish: (moments: Moments) => number | undefined): Fold {
  return {
    slots: 5,
    add: (state, at, x) => {
      const count = state[at] as number;
      const difference = x - (state[at + 1] as number);
      const part = difference / count;
      const square = part * part;
      const [second, third] = [state[at + 2] as number, state[at + 3] as number];
      const gain = difference * part * (count - 1);
      const ofSecond = gain * square * (count * count - 3 * count + 3) + 6 * square * second;
      state[at + 1] = (state[at + 1] as number) + part;
      state[at + 4] = (state[at + 4] as number) + ofSecond - 4 * part * third;
      state[at + 3] = third + gain * part * (count - 2) - 3 * part * second;
      state[at + 2] = second + gain;
    },
    combine: combineMoments,
    finish: (state, at) => {
      const [count = 0, , second = 0, third = 0, fourth = 0] = state.subarray(at, at + 5);
      return finish({ count, second, third, fourth });
    },
  };
}

/** Pébay's formulas 2.1 for the third and fourth moment of two sets. */
function combineMoments(state: Float64Array, at: number, other: Float64Array, from: number): void {
  const [a, b] = [state[at] as number, other[from] as number];
  const count = a + b;
  const difference = (other[from + 1] as number) - (state[at + 1] as number);
  const part = difference / count;
  const [secondA, thirdA] = [state[at + 2] as number, state[at + 3] as number];
  const [secondB, thirdB] = [other[from + 2] as number, other[from + 3] as number];
  const gain = difference * part * a * b;
  const ofSquares = part * part * (gain * (a * a - a * b + b * b) + 6 * (a * a * secondB + b * b * secondA));
  state[at + 4] =
    (state[at + 4] as number) + (other[from + 4] as number) + ofSquares + 4 * part * (a * thirdB - b * thirdA);
  state[at + 3] = thirdA + thirdB + part * (gain * (a - b) + 3 * (a * secondB - b * secondA));
  state[at + 2] = secondA + secondB + gain;
  state[at + 1] = (state[at + 1] as number) + part * b;
}

function finite(name: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new EngineError('value_error', `${name} is not a finite number; leave out infinite, NaN and huge values`);
}

function skewnessOf({ count, second, third }: Moments): number | undefined {
  if (count < 3 || second === 0) return undefined;
  const deviation = Math.sqrt(second / count);
  const correction = Math.sqrt(count * (count - 1)) / (count - 2);
  return finite('skewness', (correction * (third / count)) / (deviation * deviation * deviation));
}

function kurtosisOf(name: string, isSample: boolean, { count, second, fourth }: Moments): number | undefined {
  if (count < (isSample ? 4 : 2) || second === 0) return undefined;
  const plain = (count * fourth) / (second * second);
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
    combine: (state, at, other, from) => {
      const difference = (other[from + 1] as number) - (other[from + 2] as number) - (state[at + 2] as number);
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
  combine: (state, at, other, from) => {
    state[at + 1] = (state[at + 1] as number) * (other[from + 1] as number);
  },
  finish: (state, at) => (state[at] === 0 ? undefined : state[at + 1]),
};

/** By logarithms: negative numbers make it NaN, zero makes it zero. */
const GEOMETRIC_MEAN: Fold = {
  slots: 2,
  add: (state, at, x) => {
    state[at + 1] = (state[at + 1] as number) + Math.log(x);
  },
  combine: (state, at, other, from) => {
    state[at + 1] = (state[at + 1] as number) + (other[from + 1] as number);
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
  skewness: moments(skewnessOf),
  kurtosis: moments((all) => kurtosisOf('kurtosis', true, all)),
  kurtosis_pop: moments((all) => kurtosisOf('kurtosis_pop', false, all)),
  fsum: kahan((_, sum) => sum),
  favg: kahan((count, sum) => sum / count),
  product: PRODUCT,
  geomean: GEOMETRIC_MEAN,
} as const;
