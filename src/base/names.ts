/**
 * Names that people type: comparison without regard to ASCII case, and the nearest of the known ones.
 *
 * Hides the distance. Invariant: only A-Z fold (as the dialect has it); the nearest name is near enough to be meant,
 * else there is none.
 */

/** Folds A-Z to a-z and leaves everything else. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** True for names of tables that are kept for system tables. */
export function isReservedName(name: string): boolean {
  return foldName(name).startsWith('sheaf_');
}

/**
 * The candidate that `name` was most likely meant to be, or undefined. Cost: candidates × the product of the lengths.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = foldName(name);
  let nearest: string | undefined;
  // Something of the name must be left, else every short name would be near to every other.
  let least = Math.min(wanted.length - 1, Math.ceil(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(wanted, foldName(candidate));
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
