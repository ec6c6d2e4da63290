/**
 * Counts the segments that are mapped, and gives up the longest unused map when there are too many.
 *
 * Hides the order of use. Invariant: a map given up here stays valid for whoever still holds a view of it (memory
 * goes away by garbage collection only); the budget counts maps that segments themselves hold.
 */
import { makeGauge } from '../base/metrics.ts';

const mapsGauge = makeGauge('storage_maps', 'Mapped segment files');

/** Something that holds a map it can do without. */
export interface MapHolder {
  /** Forgets the map; it is made again when next needed. */
  dropMap(): void;
}

/** The process's mapped segments, least recently used first. */
export class MapBudget {
  readonly #holders = new Set<MapHolder>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#holders.size;
  }

  /** Notes that `holder` has a map and uses it now. */
  use(holder: MapHolder): void {
    this.#holders.delete(holder);
    this.#holders.add(holder);
    const [oldest] = this.#holders;
    if (this.#holders.size > this.#countMax && oldest !== undefined) {
      this.#holders.delete(oldest);
      oldest.dropMap();
    }
    mapsGauge.set(this.#holders.size);
  }

  /** Notes that `holder` has no map any more. */
  forget(holder: MapHolder): void {
    this.#holders.delete(holder);
    mapsGauge.set(this.#holders.size);
  }
}
