/**
 * Statistical aggregates: variances, regression, and what is made from counts of distinct values.
 *
 * Hides which method each takes. Invariants: nulls are skipped, in pairs where there are two arguments; without
 * values all are null, but counts and entropy, which are 0; names and meaning are DuckDB's.
 */
import type { DataType } from '../arrow/type.ts';
import { FoldAccumulator } from './aggregate-fold.ts';
import type { Fold } from './aggregate-fold.ts';
import { HISTOGRAMS } from './aggregate-histogram.ts';
import { MOMENTS } from './aggregate-moment.ts';
import { QUANTILES } from './aggregate-quantile-entry.ts';
import { REGRESSIONS } from './aggregate-regression.ts';
import { SketchAccumulator } from './aggregate-sketch.ts';
import { entropyOf, modeOf } from './aggregate-tally.ts';
import type { ResolvedCall } from './contract.ts';
import { DECIMAL_AVERAGE } from './decimal-exact.ts';
import type { AggregateEntry } from './entry.ts';
import { DOUBLE, flatType, INT64, isComparable, isNumeric, isOrdered, UINT32, valueType } from './signature.ts';

function call(name: string, parameters: readonly DataType[], type: DataType, isNeverNull = false): ResolvedCall {
  return { name, parameters, type, canMakeNull: !isNeverNull, nulls: isNeverNull ? 'never' : 'custom' };
}

function areNumbers(args: readonly DataType[]): boolean {
  return args.every((type) => type.id === 'null' || isNumeric(type));
}

function fold(
  names: readonly [string, ...string[]],
  made: Fold,
  arity: 1 | 2,
  doc: string,
  example: string,
): AggregateEntry {
  const [name, ...aliases] = names;
  const isCount = name === 'regr_count';
  const type = isCount ? UINT32 : DOUBLE;
  return {
    name,
    aliases,
    expects: arity === 1 ? '(number)' : '(number, number)',
    doc,
    example,
    resolve: (args) => {
      if (args.length !== arity || !areNumbers(args)) return undefined;
      return call(
        name,
        args.map(() => DOUBLE),
        type,
        isCount,
      );
    },
    method: () => ({ kind: 'running', accumulator: new FoldAccumulator(made, type) }),
  };
}

const M = MOMENTS;
const R = REGRESSIONS;
const POINTS = 'over (1, 1), (3, 2), (5, 3), (NULL, 9)';

const FOLDS: readonly AggregateEntry[] = [
  fold(
    ['stddev_samp', 'stddev'],
    M.stddev_samp,
    1,
    'The standard deviation of a sample.',
    'stddev_samp(x) over 1, 2, 3 → 1.0',
  ),
  fold(['stddev_pop'], M.stddev_pop, 1, 'The standard deviation of a population.', 'stddev_pop(x) over 1, 3 → 1.0'),
  fold(['var_samp', 'variance'], M.var_samp, 1, 'The variance of a sample.', 'var_samp(x) over 1, 2, 3 → 1.0'),
  fold(['var_pop'], M.var_pop, 1, 'The variance of a population.', 'var_pop(x) over 1, 3, NULL → 1.0'),
  fold(['sem'], M.sem, 1, 'The standard error of the mean.', 'sem(x) over 1, 3, 1, 3 → 0.5'),
  fold(['skewness'], M.skewness, 1, 'The skewness; null below three values.', 'skewness(x) over 1, 2, 3 → 0.0'),
  fold(['kurtosis'], M.kurtosis, 1, 'The excess kurtosis of a sample.', 'kurtosis(x) over 1, 3, 1, 3 → -6.0'),
  fold(
    ['kurtosis_pop'],
    M.kurtosis_pop,
    1,
    'The excess kurtosis of a population.',
    'kurtosis_pop(x) over 1, 2 → -2.0',
  ),
  fold(
    ['fsum', 'kahan_sum', 'sumkahan'],
    M.fsum,
    1,
    'The sum of doubles, with compensation.',
    'fsum(x) over 1, 2 → 3.0',
  ),
  fold(['favg'], M.favg, 1, 'The mean of doubles, with compensation.', 'favg(x) over 1, 2 → 1.5'),
  fold(['product'], M.product, 1, 'The product.', 'product(x) over 2, 3, NULL → 6.0'),
  fold(['geomean', 'geometric_mean'], M.geomean, 1, 'The geometric mean.', 'geomean(x) over 1, 1 → 1.0'),
  fold(['covar_pop'], R.covar_pop, 2, 'The covariance of a population.', 'covar_pop(x, y) over (1, 1), (3, 3) → 1.0'),
  fold(['covar_samp'], R.covar_samp, 2, 'The covariance of a sample.', `covar_samp(x, y) ${POINTS} → 2.0`),
  fold(
    ['corr'],
    R.corr,
    2,
    "Pearson's correlation; NaN when one does not vary.",
    'corr(x, y) over (1, 1), (3, 3) → 1.0',
  ),
  fold(['regr_count'], R.regr_count, 2, 'The number of rows with both values.', `regr_count(x, y) ${POINTS} → 3`),
  fold(['regr_avgx'], R.regr_avgx, 2, 'The mean of the second argument.', `regr_avgx(x, y) ${POINTS} → 2.0`),
  fold(['regr_avgy'], R.regr_avgy, 2, 'The mean of the first argument.', `regr_avgy(x, y) ${POINTS} → 3.0`),
  fold(['regr_sxx'], R.regr_sxx, 2, 'The sum of squares of the second argument.', `regr_sxx(x, y) ${POINTS} → 2.0`),
  fold(['regr_syy'], R.regr_syy, 2, 'The sum of squares of the first argument.', `regr_syy(x, y) ${POINTS} → 8.0`),
  fold(['regr_sxy'], R.regr_sxy, 2, 'The sum of products.', `regr_sxy(x, y) ${POINTS} → 4.0`),
  fold(
    ['regr_slope'],
    R.regr_slope,
    2,
    'The slope of the line through the points.',
    `regr_slope(x, y) ${POINTS} → 2.0`,
  ),
  fold(['regr_intercept'], R.regr_intercept, 2, 'Where that line begins.', `regr_intercept(x, y) ${POINTS} → -1.0`),
  fold(
    ['weighted_avg', 'wavg'],
    R.weighted_avg,
    2,
    'The mean of the first argument, each value counted as often as the second says.',
    'weighted_avg(x, y) over (1, 3), (5, 1), (9, NULL) → 2.0',
  ),
  fold(['regr_r2'], R.regr_r2, 2, 'How well that line fits.', 'regr_r2(x, y) over (1, 1), (3, 3) → 1.0'),
];

function tallied(args: readonly DataType[]): DataType | undefined {
  const type = args.length === 1 && args[0] !== undefined ? valueType(args[0]) : undefined;
  return type !== undefined && isComparable(type) ? type : undefined;
}

const TALLIES: readonly AggregateEntry[] = [
  {
    name: 'mode',
    expects: '(a value with an order)',
    doc: 'The value that occurs most often, the first of several.',
    example: 'mode(x) over 1, 2, 3, 2 → 2',
    isOrdered: true,
    resolve: (args) => {
      const type = tallied(args);
      return type === undefined ? undefined : call('mode', [type], type);
    },
    method: () => ({ kind: 'tallied', order: 'given', finish: modeOf }),
  },
  {
    name: 'entropy',
    expects: '(a value with an order)',
    doc: 'The entropy of the distribution of the values, in bits.',
    example: 'entropy(x) over 1, 2, 1, 2 → 1.0',
    resolve: (args) => {
      const type = tallied(args);
      return type === undefined ? undefined : call('entropy', [type], DOUBLE, true);
    },
    method: () => ({ kind: 'tallied', order: 'given', finish: entropyOf }),
  },
  ...HISTOGRAMS,
  {
    name: 'approx_count_distinct',
    expects: '(a value with an order)',
    doc: 'About how many distinct values there are: the standard error is 1.6 %.',
    example: 'approx_count_distinct(x) over 1, 2, 1, NULL → 2',
    resolve: (args) => {
      const [given] = args;
      if (args.length !== 1 || given === undefined || !isOrdered(given)) return undefined;
      return call('approx_count_distinct', [flatType(given)], INT64, true);
    },
    method: ([type]) => ({ kind: 'running', accumulator: new SketchAccumulator(type as DataType) }),
  },
];

/** The entries of this family. */
export const STATISTICS: readonly AggregateEntry[] = [...FOLDS, ...QUANTILES, ...TALLIES, DECIMAL_AVERAGE];
