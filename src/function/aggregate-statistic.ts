/**
 * Statistical aggregates: variances, regression, quantiles, and what is made from counts of distinct values.
 *
 * Hides which method each takes. Invariants: nulls are skipped, in pairs where there are two arguments; without
 * values all are null, but counts and entropy, which are 0; names and meaning are DuckDB's.
 */
import type { DataType } from '../arrow/type.ts';
import { FoldAccumulator } from './aggregate-fold.ts';
import type { Fold } from './aggregate-fold.ts';
import { MOMENTS } from './aggregate-moment.ts';
import { continuousQuantile, discreteQuantile, medianDistance, middleQuantile } from './aggregate-quantile.ts';
import { quantileMethod } from './aggregate-quantile.ts';
import { REGRESSIONS } from './aggregate-regression.ts';
import { SketchAccumulator } from './aggregate-sketch.ts';
import { entropyOf, histogramOf, histogramType, modeOf } from './aggregate-tally.ts';
import { constantText } from './constant.ts';
import type { ConstantValue } from './constant.ts';
import type { QuantileMethod, ResolvedCall } from './contract.ts';
import type { AggregateEntry } from './entry.ts';
import {
  DOUBLE,
  flatType,
  FLOAT,
  HUGE,
  INT64,
  isComparable,
  isNumeric,
  isOrdered,
  UINT32,
  valueType,
} from './signature.ts';
import { momentType } from './temporal-type.ts';

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
  fold(['regr_r2'], R.regr_r2, 2, 'How well that line fits.', 'regr_r2(x, y) over (1, 1), (3, 3) → 1.0'),
];

/** Whether values of the type, brought to `parameter`, are interpolated. */
interface QuantileType {
  readonly parameter: DataType;
  readonly isContinuous: boolean;
}

function continuousType(type: DataType): DataType | undefined {
  switch (type.id) {
    case 'null':
    case 'int':
      return DOUBLE;
    case 'float':
      return type.bitWidth === 16 ? FLOAT : type;
    case 'decimal':
      return type;
    default:
      return momentType(type);
  }
}

function medianType(type: DataType): QuantileType | undefined {
  const continuous = type.id === 'timestamp' ? type : continuousType(type);
  if (continuous !== undefined) return { parameter: continuous, isContinuous: true };
  return isOrdered(type) ? { parameter: valueType(type), isContinuous: false } : undefined;
}

/** DuckDB has the digest's answer in few types. */
function approximateType(type: DataType): DataType | undefined {
  if (type.id === 'null') return DOUBLE;
  if (type.id === 'float') return DOUBLE;
  if (type.id === 'decimal' || type.id === 'date') return type;
  if (type.id !== 'int') return momentType(type);
  if (type.bitWidth === 64 && !type.signed) return HUGE;
  return type.signed && (type.bitWidth === 16 || type.bitWidth === 32) ? type : INT64;
}

function outOfRange(least: number): (constants: readonly ConstantValue[]) => string | undefined {
  return ([quantile]) => {
    const fits = typeof quantile === 'number' && quantile >= least && quantile <= 1;
    return fits ? undefined : `takes a quantile from ${least.toString()} to 1, not ${constantText(quantile ?? null)}`;
  };
}

function quantile(
  names: readonly [string, ...string[]],
  typeOf: (type: DataType) => DataType | undefined,
  methodOf: (quantile: number) => QuantileMethod,
  doc: string,
  example: string,
): AggregateEntry {
  const [name, ...aliases] = names;
  return {
    name,
    aliases,
    expects: '(a value with an order, a constant number)',
    doc,
    example,
    constantsFrom: 1,
    isQuantile: true,
    refuse: outOfRange(name === 'approx_quantile' ? 0 : -1),
    resolve: ([given, share, ...more]) => {
      if (given === undefined || share === undefined || more.length > 0 || !areNumbers([share])) return undefined;
      const type = typeOf(valueType(given));
      return type === undefined ? undefined : call(name, [type, DOUBLE], type);
    },
    method: (_, [share]) => quantileMethod(methodOf(Number(share))),
  };
}

const QUANTILES: readonly AggregateEntry[] = [
  {
    name: 'median',
    expects: '(a value with an order)',
    doc: 'The middle value, or what lies between the two middle ones; of text, booleans and the like the lesser.',
    example: 'median(x) over 1, 2, 4, 10 → 3.0',
    resolve: (args) => {
      const type = args.length === 1 && args[0] !== undefined ? medianType(valueType(args[0])) : undefined;
      return type === undefined ? undefined : call('median', [type.parameter], type.parameter);
    },
    method: ([type]) => {
      const isContinuous = medianType(type as DataType)?.isContinuous === true;
      return quantileMethod((isContinuous ? continuousQuantile : discreteQuantile)(0.5));
    },
  },
  quantile(
    ['quantile_cont'],
    continuousType,
    continuousQuantile,
    'The quantile, interpolated between neighbours; below zero it counts from the greatest.',
    'quantile_cont(x, 0.25) over 1, 2, 3, 5 → 1.75',
  ),
  quantile(
    ['quantile_disc', 'quantile'],
    (type) => (isOrdered(type) ? type : undefined),
    discreteQuantile,
    'The quantile, always one of the values; below zero it counts from the greatest.',
    'quantile_disc(x, 0.25) over 1, 2, 3, 5 → 1',
  ),
  quantile(
    ['approx_quantile'],
    approximateType,
    middleQuantile,
    'The quantile, which is exact here.',
    'approx_quantile(x, 0.5) over 1, 2, 3 → 2',
  ),
  {
    name: 'mad',
    expects: '(number)',
    doc: 'The median of the distances from the median.',
    example: 'mad(x) over 1, 2, 4, 10 → 1.5',
    resolve: (args) => {
      const type = args.length === 1 && args[0] !== undefined ? continuousType(valueType(args[0])) : undefined;
      if (type === undefined || (type.id !== 'float' && type.id !== 'decimal')) return undefined;
      return call('mad', [type], type);
    },
    method: () => ({ kind: 'collected', order: 'ascending', finish: medianDistance }),
  },
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
  {
    name: 'histogram',
    expects: '(a value with an order)',
    doc: 'A map of each value to how often it occurs, in the order of the values.',
    example: 'histogram(x) over 2, 1, 2 → {1=1, 2=2}',
    resolve: (args) => {
      const type = tallied(args);
      return type === undefined ? undefined : call('histogram', [type], histogramType(type));
    },
    method: () => ({ kind: 'tallied', order: 'ascending', finish: histogramOf }),
  },
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
export const STATISTICS: readonly AggregateEntry[] = [...FOLDS, ...QUANTILES, ...TALLIES];
