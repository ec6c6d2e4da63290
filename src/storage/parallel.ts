/**
 * Many small waits at once, with a bound.
 *
 * Hides nothing. Invariant: at most `most` calls are under way; when one fails no new ones begin, and the failure
 * is thrown after the others have ended.
 */

/** Calls `work` for every item, at most `most` at a time, in order of their beginning. */
export async function inParallel<T>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true && failure === undefined; next = iterator.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: most }, lane));
  if (failure !== undefined) throw failure.error;
}
