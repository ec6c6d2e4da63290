/**
 * first, last, any_value, arg_min and arg_max: aggregates whose answer is a value of one of the rows.
 *
 * Hides how the row is chosen; the value itself is of no interest here, and may be of any type. Invariants: of rows
 * that are equally good the first is chosen; NaN is greater than every other number; text and binary compare by bytes.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, compareBytes, rowBytes } from './byte-rows.ts';
import { bitsOf, formOf, numbersOf, wordsOf } from './column.ts';
import { compareWords } from './value-order.ts';
import type { Chooser } from './contract.ts';
import { grow, growFlags, growWords } from './group-state.ts';
import { bitAt, mergeValidity, validityOf } from './validity.ts';

/** The rows chosen in one call, one for each group that has any. */
class Choices {
  /** Place among the chosen rows, plus one. */
  #places = new Int32Array(1);
  #rows = new Uint32Array(64);
  #groups = new Uint32Array(64);
  #count = 0;

  begin(groupCount: number): void {
    this.#places = growWords(this.#places, groupCount);
  }

  choose(group: number, row: number): void {
    const place = this.#places[group] as number;
    if (place > 0) {
      this.#rows[place - 1] = row;
      return;
    }
    if (this.#count === this.#rows.length) {
      const rows = new Uint32Array(this.#count * 2);
      rows.set(this.#rows);
      this.#rows = rows;
      const groups = new Uint32Array(this.#count * 2);
      groups.set(this.#groups);
      this.#groups = groups;
    }
    this.#rows[this.#count] = row;
    this.#groups[this.#count++] = group;
    this.#places[group] = this.#count;
  }

  end(): Uint32Array {
    for (let i = 0; i < this.#count; i++) this.#places[this.#groups[i] as number] = 0;
    const rows = this.#rows.slice(0, this.#count);
    this.#count = 0;
    return rows;
  }

  get byteCount(): number {
    return this.#places.byteLength + this.#rows.byteLength * 2;
  }
}

/** The first row of each group, or the last; nulls are values unless they are skipped. */
export class PlaceChooser implements Chooser {
  readonly #wantsLast: boolean;
  readonly #skipsNulls: boolean;
  readonly #choices = new Choices();
  #seen = new Uint8Array(1);

  constructor(wantsLast: boolean, skipsNulls: boolean) {
    this.#wantsLast = wantsLast;
    this.#skipsNulls = skipsNulls;
  }

  choose(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): Uint32Array {
    const seen = (this.#seen = growFlags(this.#seen, groupCount));
    const present = this.#skipsNulls ? validityOf(args[0] as Vector).bits : undefined;
    const choices = this.#choices;
    choices.begin(groupCount);
    for (let i = 0; i < rowCount; i++) {
      const group = groups[i] as number;
      if (!this.#wantsLast && seen[group] === 1) continue;
      if (present !== undefined && !bitAt(present, i)) continue;
      seen[group] = 1;
      choices.choose(group, i);
    }
    return choices.end();
  }

  byteCount(): number {
    return this.#seen.byteLength + this.#choices.byteCount;
  }
}

/** The best keys so far. `open` a batch, then ask whether a row is better than its group's best, and take it. */
interface BestKeys {
  open(keys: Vector, rowCount: number, groupCount: number): void;
  /** Negative when the row's key is less than the group's. */
  compare(row: number, group: number): number;
  take(row: number, group: number): void;
  readonly byteCount: number;
}

class BestNumbers implements BestKeys {
  #best = new Float64Array(1);
  #keys = new Float64Array(0);
  readonly #isBool: boolean;

  constructor(isBool: boolean) {
    this.#isBool = isBool;
  }

  open(keys: Vector, rowCount: number, groupCount: number): void {
    this.#best = grow(this.#best, groupCount);
    if (this.#isBool) {
      const bits = bitsOf(keys);
      this.#keys = Float64Array.from({ length: rowCount }, (_, i) => (bitAt(bits, i) ? 1 : 0));
    } else this.#keys = numbersOf(keys) as Float64Array<ArrayBuffer>;
  }

  compare(row: number, group: number): number {
    const key = this.#keys[row] as number;
    const best = this.#best[group] as number;
    if (key === best) return 0;
    if (key !== key) return best !== best ? 0 : 1;
    return best !== best || key < best ? -1 : 1;
  }

  take(row: number, group: number): void {
    this.#best[group] = this.#keys[row] as number;
  }

  get byteCount(): number {
    return this.#best.byteLength;
  }
}

class BestWords implements BestKeys {
  readonly #count: number;
  readonly #bias: number;
  #best = new Int32Array(1);
  #keys = new Int32Array(0);

  constructor(count: number, signed: boolean) {
    this.#count = count;
    this.#bias = signed ? 0 : -0x80000000;
  }

  open(keys: Vector, _rowCount: number, groupCount: number): void {
    this.#best = growWords(this.#best, groupCount * this.#count);
    this.#keys = wordsOf(keys) as Int32Array<ArrayBuffer>;
  }

  compare(row: number, group: number): number {
    return compareWords(this.#keys, row * this.#count, this.#best, group * this.#count, this.#count, this.#bias);
  }

  take(row: number, group: number): void {
    for (let k = 0; k < this.#count; k++) {
      this.#best[group * this.#count + k] = this.#keys[row * this.#count + k] as number;
    }
  }

  get byteCount(): number {
    return this.#best.byteLength;
  }
}

class BestBytes implements BestKeys {
  readonly #best: Uint8Array[] = [];
  #keyOf: (row: number) => Uint8Array = () => new Uint8Array(0);
  #bytes = 0;

  open(keys: Vector): void {
    const rows = byteRowsOf(keys);
    this.#keyOf = (row) => rowBytes(rows, row);
  }

  compare(row: number, group: number): number {
    return compareBytes(this.#keyOf(row), this.#best[group] as Uint8Array);
  }

  take(row: number, group: number): void {
    const key = new Uint8Array(this.#keyOf(row));
    this.#bytes += key.length - (this.#best[group]?.length ?? -64);
    this.#best[group] = key;
  }

  get byteCount(): number {
    return this.#bytes;
  }
}

function bestKeysOf(type: DataType): BestKeys | undefined {
  const form = formOf(type);
  switch (form.kind) {
    case 'number':
      return new BestNumbers(false);
    case 'bool':
      return new BestNumbers(true);
    case 'words':
      return new BestWords(form.words, form.signed);
    case 'bytes':
      return new BestBytes();
    case 'none':
      return undefined;
  }
}

/** The row with the least or greatest second argument; rows where that is null are left out. */
export class ExtremeChooser implements Chooser {
  readonly #wantsMax: boolean;
  readonly #skipsNulls: boolean;
  readonly #best: BestKeys | undefined;
  readonly #choices = new Choices();
  #seen = new Uint8Array(1);

  /** `keyType`: of the second argument. `skipsNulls`: rows with a null first argument are left out too. */
  constructor(keyType: DataType, wantsMax: boolean, skipsNulls: boolean) {
    this.#best = bestKeysOf(keyType);
    this.#wantsMax = wantsMax;
    this.#skipsNulls = skipsNulls;
  }

  choose(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): Uint32Array {
    const [value, key] = args as [Vector, Vector];
    const best = this.#best;
    const choices = this.#choices;
    // Keys of the null type: no row has one.
    if (best === undefined) return new Uint32Array(0);
    const seen = (this.#seen = growFlags(this.#seen, groupCount));
    const present = (this.#skipsNulls ? mergeValidity([value, key], rowCount) : validityOf(key)).bits;
    choices.begin(groupCount);
    best.open(key, rowCount, groupCount);
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && !bitAt(present, i)) continue;
      const group = groups[i] as number;
      if (seen[group] === 1) {
        const order = best.compare(i, group);
        if (this.#wantsMax ? order <= 0 : order >= 0) continue;
      }
      seen[group] = 1;
      best.take(i, group);
      choices.choose(group, i);
    }
    return choices.end();
  }

  byteCount(): number {
    return this.#seen.byteLength + this.#choices.byteCount + (this.#best?.byteCount ?? 0);
  }
}
