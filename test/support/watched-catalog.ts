/**
 * The product's catalog watched by a test: what happens before and after each of its changes.
 *
 * Hides how: a method of `Catalog` is replaced in this process. The catalog is the product's own, whole.
 */
import { Catalog } from '../../src/catalog/catalog.ts';

/**
 * Calls `before` ahead of every change of the catalog, and `after`, with what that answered, when it is committed but
 * nobody knows of it yet. Several may be under way at a time.
 */
export function watchCatalog<T>(before: () => T, after: (answer: T) => void): void {
  const { prototype } = Catalog;
  const apply: unknown = Reflect.get(prototype, 'apply');
  if (typeof apply !== 'function') throw new Error('Catalog has no method apply');
  prototype.apply = async function (this: Catalog, change) {
    const answer = before();
    await Reflect.apply(apply, this, [change]);
    after(answer);
  };
}
