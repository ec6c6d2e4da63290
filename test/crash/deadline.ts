/**
 * Bounds the time of what may hang.
 *
 * Hides the timer. Invariant: no timer is left behind, whichever ends first.
 */

/** Rejects after `ms` with what `said` then says, or as `action` does. The action itself is not stopped. */
export async function withDeadline(ms: number, said: () => string, action: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(said())), ms);
  });
  try {
    await Promise.race([action(), late]);
  } finally {
    clearTimeout(timer);
  }
}
