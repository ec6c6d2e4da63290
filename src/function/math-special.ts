/**
 * Functions of doubles that JavaScript lacks: gamma, lgamma, nextafter, even, and rounding to digits.
 *
 * Hides the series. Invariants: gamma of a whole number up to 23 is exact; other results of gamma and lgamma differ
 * from the true value by a few units of the last place.
 * Source: Lanczos, "A precision approximation of the gamma function" (g = 607/128, n = 15, coefficients by P. Godfrey).
 */
const LANCZOS = [
  0.9999999999999971, 57.15623566586292, -59.59796035547549, 14.136097974741746, -0.4919138160976202,
  3.399464998481189e-5, 4.652362892704858e-5, -9.837447530487956e-5, 0.0001580887032249125, -0.00021026444172410488,
  0.00021743961811521265, -0.0001643181065367639, 8.441822398385275e-5, -2.6190838401581408e-5, 3.6899182659531625e-6,
];
const LANCZOS_G = 607 / 128;
const HALF_LN_TWO_PI = 0.9189385332046727;

function lanczosSum(x: number): number {
  let sum = LANCZOS[0] as number;
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] as number) / (x + i);
  return sum;
}

/** Γ(x): infinite at 0 and beyond 171.6, NaN at the negative whole numbers. */
export function gamma(x: number): number {
  if (x === 0) return 1 / x;
  if (Number.isInteger(x)) {
    if (x < 0) return NaN;
    if (x > 171) return Infinity;
    let product = 1;
    for (let k = 2; k < x; k++) product *= k;
    return product;
  }
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
  if (x > 171.7) return x !== x ? NaN : Infinity;
  const y = x - 1;
  const t = y + LANCZOS_G + 0.5;
  // The power is taken in halves, because it overflows before Γ does.
  const half = Math.pow(t, (y + 0.5) / 2);
  return Math.sqrt(2 * Math.PI) * half * Math.exp(-t) * half * lanczosSum(y);
}

/** Coefficients of Stirling's series in 1 / x. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];

/** ln |Γ(x)|: infinite at 0, at the negative whole numbers, and at both infinities. */
export function lgamma(x: number): number {
  if (x !== x) return NaN;
  if (x === Infinity || x === -Infinity) return Infinity;
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x === 1 || x === 2) return 0;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * (x % 2)))) - lgamma(1 - x);
  if (x < 10) return Math.log(gamma(x));
  const square = 1 / (x * x);
  let series = 0;
  for (let i = STIRLING.length - 1; i >= 0; i--) series = series * square + (STIRLING[i] as number);
  return (x - 0.5) * Math.log(x) - x + HALF_LN_TWO_PI + series / x;
}

const doubles = new Float64Array(1);
const doubleBits = new BigInt64Array(doubles.buffer);
const singles = new Float32Array(1);
const singleBits = new Int32Array(singles.buffer);

/** The next double after `x` on the way to `y`. */
export function nextDouble(x: number, y: number): number {
  if (x !== x || y !== y) return NaN;
  if (x === y) return y;
  if (x === 0) return y > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE;
  doubles[0] = x;
  doubleBits[0] = (doubleBits[0] as bigint) + (x < y === x > 0 ? 1n : -1n);
  return doubles[0];
}

/** The next float after `x` on the way to `y`. */
export function nextSingle(x: number, y: number): number {
  if (x !== x || y !== y) return NaN;
  if (x === y) return y;
  singles[0] = x;
  if (x === 0) singleBits[0] = y > 0 ? 1 : -0x7fffffff;
  else singleBits[0] = (singleBits[0] as number) + (x < y === x > 0 ? 1 : -1);
  return singles[0];
}

/** The next even whole number, away from zero. */
export function even(x: number): number {
  const whole = x >= 0 ? Math.ceil(x) : -Math.ceil(-x);
  return whole % 2 === 0 ? whole : whole + (x >= 0 ? 1 : -1);
}

/** The nearest whole number; halves go away from zero. */
export function roundAway(x: number): number {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}

/** The nearest whole number; halves go to the even one. */
export function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** `x` rounded at a digit by `toWhole`: scaled, rounded, scaled back, as DuckDB does. */
export function roundAt(x: number, digits: number, toWhole: (scaled: number) => number): number {
  if (!Number.isFinite(x)) return x;
  if (digits < 0) {
    const unit = Math.pow(10, -digits);
    const rounded = toWhole(x / unit) * unit;
    return Number.isFinite(rounded) ? rounded : 0;
  }
  const unit = Math.pow(10, digits);
  const rounded = toWhole(x * unit) / unit;
  return Number.isFinite(rounded) ? rounded : x;
}
