/**
 * The product's catalog watched by a test: what happens before and after each of its changes.
 *
 * Hides how: a method of `Catalog` is replaced in this process. The catalog is the product's own, whole.
 */
import { Catalog } from '../../src/catalog/catalog.ts';

/** Calls `before` ahead of every change of the catalog, and `after` when it is committed but nobody knows of it yet. */
export function watchCatalog(before: () => void, after: () => void): void {
  const { prototype } = Catalog;
  const apply: unknown = Reflect.get(prototype, 'apply');
  if (typeof apply !== 'function') throw new Error('Catalog has no method apply');
  prototype.apply = async function (this: Catalog, change) {
    before();
    await Reflect.apply(apply, this, [change]);
    after();
  };
}
