/**
 * Assertions: statements about our own code that must hold.
 *
 * A failed assertion is a bug of Sheaf, never of its user: bytes and text from outside are checked by parsers that
 * throw EngineError. Hides nothing. Invariant: no assertion has side effects.
 */

/** Thrown when our own code broke one of its invariants. Doors report it as `internal`, with its text hidden. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Fails unless `condition` holds; `message` states the expectation with its values, and may be lazy on hot paths. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message());
}

/** Returns `value`, which must be present. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`expected ${what} to be present`);
  return value;
}

/** Marks a branch that the types prove impossible. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
