/**
 * Random numbers that a seed repeats, for tests: the generator is mulberry32 (Tommy Ettinger), 32 bits of state.
 */

/** Gives the next number in [0, 1). */
export type Random = () => number;

/** Makes the sequence of `seed`, an integer. */
export function makeRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
