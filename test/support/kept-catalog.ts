/**
 * The product's catalog in the hands of a test: opened in one thread that stays, instead of one for each (harnesses
 * that open a database thousands of times would otherwise wait for threads to start), and watched.
 *
 * Hides how: methods of `Catalog` are replaced in this process. The catalog and its thread are the product's own,
 * whole. Invariant: with a kept thread one catalog is open at a time.
 */
import { closeSync, openSync } from 'node:fs';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogMethods } from '../../src/catalog/catalog-thread.ts';
import { moduleBeside, startThread } from '../../src/os/thread.ts';
import type { Thread } from '../../src/os/thread.ts';

/** As TypeScript or as JavaScript, whichever this file is. */
const MODULE = moduleBeside(import.meta.url, '../../src/catalog/catalog-thread');

/** A thread that outlives those who end it. */
class KeptThread implements Thread<CatalogMethods> {
  readonly #thread = startThread<CatalogMethods>(MODULE, 'catalog');
  readonly call: Thread<CatalogMethods>['call'] = (method, argument, transfer) =>
    this.#thread.call(method, argument, transfer);

  get alive(): boolean {
    return this.#thread.alive;
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}

/** Replaces `Catalog.open` from now on. */
export function keepCatalogThread(): void {
  const thread = new KeptThread();
  Catalog.open = async (path: string): Promise<Catalog> => {
    closeSync(openSync(path, 'a', 0o600));
    await thread.call('open', path);
    return Reflect.construct(Catalog, [path, thread]) as Catalog;
  };
}

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
