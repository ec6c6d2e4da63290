/**
 * Opens catalogs in one thread that stays, instead of one for each: harnesses that open a database thousands of times
 * would otherwise wait for threads to start.
 *
 * Hides how: `Catalog.open` is replaced in this process. The catalog and its thread are the product's own, whole.
 * Invariant: one catalog is open at a time.
 */
import { closeSync, openSync } from 'node:fs';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogMethods } from '../../src/catalog/catalog-thread.ts';
import { moduleBeside, startThread } from '../../src/os/thread.ts';
import type { Thread } from '../../src/os/thread.ts';

const MODULE = new URL('../../src/catalog/catalog.ts', import.meta.url).href;

/** A thread that outlives those who end it. */
class KeptThread implements Thread<CatalogMethods> {
  readonly #thread = startThread<CatalogMethods>(moduleBeside(MODULE, 'catalog-thread'), 'catalog');
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
