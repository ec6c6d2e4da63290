/**
 * Covariance, correlation and the line through points.
 *
 * Hides the recurrences. Invariants: only rows with both values count; the dependent value y is the first argument,
 * as in SQL; means and moments move by one row at a time, as DuckDB's do. Source: Schubert and Gertz, "Numerically
 * stable parallel computation of (co-)variance", SSDBM 2018, 4.3; SQL:2003, regression functions.
 */
import type { Fold } from './aggregate-fold.ts';

/** What the answers are made from: y is dependent, x independent; sums of squares are about the means. */
interface Line {
  readonly count: number;
  readonly meanY: number;
  readonly meanX: number;
  readonly squaresY: number;
  readonly squaresX: number;
  readonly products: number;
}

/** Count, mean of y, mean of x, their sums of squares, the sum of products. */
function line(finish: (line: Line) => number | undefined): Fold {
  return {
    slots: 6,
    add: (state, at, y, x) => {
      const count = state[at] as number;
      const oldY = state[at + 1] as number;
      const oldX = state[at + 2] as number;
      const meanY = oldY + (y - oldY) / count;
      const meanX = oldX + (x - oldX) / count;
      state[at + 1] = meanY;
      state[at + 2] = meanX;
      state[at + 3] = (state[at + 3] as number) + (y - meanY) * (y - oldY);
      state[at + 4] = (state[at + 4] as number) + (x - meanX) * (x - oldX);
      state[at + 5] = (state[at + 5] as number) + (x - oldX) * (y - meanY);
    },
    combine: (state, at, other, from) => {
      const [own, more] = [state[at] as number, other[from] as number];
      const share = more / (own + more);
      const y = (other[from + 1] as number) - (state[at + 1] as number);
      const x = (other[from + 2] as number) - (state[at + 2] as number);
      state[at + 1] = (state[at + 1] as number) + y * share;
      state[at + 2] = (state[at + 2] as number) + x * share;
      state[at + 3] = (state[at + 3] as number) + (other[from + 3] as number) + y * y * own * share;
      state[at + 4] = (state[at + 4] as number) + (other[from + 4] as number) + x * x * own * share;
      state[at + 5] = (state[at + 5] as number) + (other[from + 5] as number) + x * y * own * share;
    },
    finish: (state, at) => {
      const [count = 0, meanY = 0, meanX = 0, squaresY = 0, squaresX = 0, products = 0] = state.subarray(at, at + 6);
      return finish({ count, meanY, meanX, squaresY, squaresX, products });
    },
  };
}

/** NaN where one of the two does not vary. */
function correlation({ count, squaresY, squaresX, products }: Line): number | undefined {
  if (count === 0) return undefined;
  const spread = Math.sqrt(squaresY / count) * Math.sqrt(squaresX / count);
  return spread === 0 ? NaN : products / count / spread;
}

/** NaN for a vertical line. */
function slope({ count, squaresX, products }: Line): number | undefined {
  if (count === 0) return undefined;
  return squaresX === 0 ? NaN : products / count / (squaresX / count);
}

function intercept(points: Line): number | undefined {
  const rise = slope(points);
  return rise === undefined || rise !== rise ? undefined : points.meanY - rise * points.meanX;
}

function determination(points: Line): number | undefined {
  if (points.count === 0 || points.squaresX === 0) return undefined;
  if (points.squaresY === 0) return 1;
  const value = correlation(points);
  return value === undefined ? undefined : value * value;
}

function ifAny(pick: (line: Line) => number): Fold {
  return line((points) => (points.count === 0 ? undefined : pick(points)));
}

/** Count and sum, so that the mean is the quotient of the two. */
function plainMean(ofFirst: boolean): Fold {
  return {
    slots: 2,
    add: (state, at, y, x) => {
      state[at + 1] = (state[at + 1] as number) + (ofFirst ? y : x);
    },
    combine: (state, at, other, from) => {
      state[at + 1] = (state[at + 1] as number) + (other[from + 1] as number);
    },
    finish: (state, at) => (state[at] === 0 ? undefined : (state[at + 1] as number) / (state[at] as number)),
  };
}

/** The folds over two arguments, by the aggregate's name. */
export const REGRESSIONS = {
  covar_pop: ifAny(({ count, products }) => products / count),
  covar_samp: line(({ count, products }) => (count < 2 ? undefined : products / (count - 1))),
  corr: line(correlation),
  regr_count: {
    slots: 1,
    add: () => undefined,
    combine: () => undefined,
    finish: (state, at) => state[at],
  } satisfies Fold,
  regr_avgx: plainMean(false),
  regr_avgy: plainMean(true),
  regr_sxx: ifAny(({ squaresX }) => squaresX),
  regr_syy: ifAny(({ squaresY }) => squaresY),
  regr_sxy: ifAny(({ products }) => products),
  regr_slope: line(slope),
  regr_intercept: line(intercept),
  regr_r2: line(determination),
  weighted_avg: {
    slots: 3,
    add: (state, at, value, weight) => {
      state[at + 1] = (state[at + 1] as number) + value * weight;
      state[at + 2] = (state[at + 2] as number) + weight;
    },
    combine: (state, at, other, from) => {
      for (const k of [1, 2]) state[at + k] = (state[at + k] as number) + (other[from + k] as number);
    },
    finish: (state, at) => (state[at] === 0 ? undefined : (state[at + 1] as number) / (state[at + 2] as number)),
  } satisfies Fold,
} as const;
