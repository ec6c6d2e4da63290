/**
 * What one table was told, and what it may hold by that: streams, and statements that changed it afterwards.
 *
 * Hides the model. A row follows from its id; a statement (DELETE, UPDATE, TRUNCATE, ALTER) changes the rows of the
 * streams that were sent before it. A statement that was not acknowledged happened wholly or not at all: what is found
 * must fit one choice among those, for all rows of the table at once. Invariants: pure; streams and statements are told
 * in the order in which they were sent, and no stream of the table is under way beside a statement.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';

/** More than the rows of any stream. */
export const STREAM_STRIDE = 10_000;

/** How the rows of a table are made: plain columns, or a dictionary. */
export type Kind = 'plain' | 'words';

/** A statement; `modulus` and `rest` choose rows by id. */
export type Edit =
  | { readonly kind: 'delete'; readonly modulus: number; readonly rest: number }
  | { readonly kind: 'update'; readonly modulus: number; readonly rest: number; readonly value: number }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'add' }
  | { readonly kind: 'rename' }
  | { readonly kind: 'drop' };

/** What ADD COLUMN gives to the rows that are there. */
export const ADDED_DEFAULT = 7;

/** A stream as found: its number, its rows, and the checksum of their text in order. */
export type FoundStream = readonly [stream: number, rows: number, sum: number];

/** A table as found. */
export interface FoundTable {
  readonly columns: readonly string[];
  readonly streams: readonly FoundStream[];
}

interface SentStream {
  readonly rows: number;
  /** When it was sent, in the order of all that was. */
  readonly order: number;
  acknowledged: boolean;
}

interface SentEdit {
  readonly edit: Edit;
  readonly order: number;
  acknowledged: boolean;
}

/** Past this many statements of unknown outcome the choices cannot be tried one by one. */
const UNKNOWN_EDITS_MAX = 12;

/** Words of the dictionary of a stream. */
export function wordsOf(stream: number): string[] {
  return Array.from({ length: 2 + (stream % 4) }, (_, i) => `word ${i.toString()} of ${(stream >> 2).toString()}`);
}

/** The value that the row `id` is sent with in a column; `label` is what RENAME makes of `name`. */
export function sentValue(column: string, id: number): number | string {
  if (column === 'id') return id;
  if (column === 'value') return id / 2;
  if (column === 'name' || column === 'label') return `row ${id.toString()}`;
  if (column === 'extra') return id % 1_000;
  const words = wordsOf(Math.floor(id / STREAM_STRIDE));
  return words[id % words.length] ?? '';
}

/** Checksum of rows as text, in order. */
export function sumOf(rows: readonly (readonly unknown[])[]): number {
  return crc32(rows.map((row) => `${row.map(String).join('|')}\n`).join(''));
}

export class TableLedger {
  readonly #name: string;
  readonly #kind: Kind;
  readonly #streams = new Map<number, SentStream>();
  #edits: SentEdit[] = [];
  #order = 0;
  /** Set when the table was dropped, or it is not known whether it was. */
  dropped: 'no' | 'maybe' | 'yes' = 'no';

  constructor(name: string, kind: Kind) {
    this.#name = name;
    this.#kind = kind;
  }

  copy(): TableLedger {
    const copied = new TableLedger(this.#name, this.#kind);
    for (const [number, stream] of this.#streams) copied.#streams.set(number, { ...stream });
    copied.#edits = this.#edits.map((sent) => ({ ...sent }));
    copied.#order = this.#order;
    copied.dropped = this.dropped;
    return copied;
  }

  get acknowledgedStreams(): number {
    return [...this.#streams.values()].filter(({ acknowledged }) => acknowledged).length;
  }

  get acknowledgedEdits(): number {
    return this.#edits.filter(({ acknowledged }) => acknowledged).length;
  }

  send(stream: number, rows: number): void {
    this.#streams.set(stream, { rows, order: ++this.#order, acknowledged: false });
  }

  acknowledge(stream: number): void {
    const sent = this.#streams.get(stream);
    assert.ok(sent !== undefined, `stream ${stream.toString()} of table ${this.#name} was never sent`);
    sent.acknowledged = true;
  }

  sendEdit(edit: Edit): void {
    this.#edits.push({ edit, order: ++this.#order, acknowledged: false });
  }

  acknowledgeEdit(): void {
    const last = this.#edits.at(-1);
    assert.ok(last !== undefined, `table ${this.#name} was told no statement`);
    last.acknowledged = true;
  }

  /** @throws AssertionError when no choice of what is unknown explains what was found */
  compare(found: FoundTable): void {
    const faults = this.#choices().map((applied) => this.#faultOf(found, applied));
    if (faults.includes(undefined)) return;
    const others = faults.length > 1 ? ` (and ${(faults.length - 1).toString()} other choices do not fit)` : '';
    assert.fail(`${faults[0] ?? ''}${others}`);
  }

  /** Takes what was found for the truth. */
  settle(found: FoundTable): void {
    const applied = this.#choices().find((choice) => this.#faultOf(found, choice) === undefined) ?? this.#edits;
    const there = new Set(found.streams.map(([stream]) => stream));
    this.#edits = applied.map((sent) => ({ ...sent, acknowledged: true }));
    for (const [number, stream] of this.#streams) {
      if (there.has(number)) stream.acknowledged = true;
      // One of which every row was deleted is as good as one that never came.
      else this.#streams.delete(number);
    }
    this.dropped = 'no';
  }

  /** Every choice of statements that may have happened, the one without the unknown first. */
  #choices(): SentEdit[][] {
    const unknown = this.#edits.filter(({ acknowledged }) => !acknowledged);
    assert.ok(unknown.length <= UNKNOWN_EDITS_MAX, `${unknown.length.toString()} statements of unknown outcome`);
    return Array.from({ length: 2 ** unknown.length }, (_, choice) => {
      const chosen = new Set(unknown.filter((_edit, i) => ((choice >> i) & 1) === 1));
      return this.#edits.filter((sent) => sent.acknowledged || chosen.has(sent));
    });
  }

  #faultOf(found: FoundTable, applied: readonly SentEdit[]): string | undefined {
    const columns = this.#columns(applied);
    if (columns.join() !== found.columns.join()) {
      return `table ${this.#name} has columns ${found.columns.join()}, not ${columns.join()}`;
    }
    const there = new Set<number>();
    for (const [number, rows, sum] of found.streams) {
      there.add(number);
      const label = `stream ${number.toString()} of table ${this.#name}`;
      const sent = this.#streams.get(number);
      if (sent === undefined) return `${label} was never sent`;
      const expected = this.#rowsOf(number, sent, applied, columns);
      if (rows !== expected.length) {
        return `${label} is there in part, or rows came back: ${rows.toString()}, not ${expected.length.toString()}`;
      }
      if (sum !== sumOf(expected)) return `a row of ${label} is wrong, doubled or out of place`;
    }
    for (const [number, sent] of this.#streams) {
      if (!sent.acknowledged || there.has(number)) continue;
      if (this.#rowsOf(number, sent, applied, columns).length === 0) continue;
      return `acknowledged stream ${number.toString()} of table ${this.#name} is lost`;
    }
    return undefined;
  }

  #columns(applied: readonly SentEdit[]): string[] {
    let columns = this.#kind === 'words' ? ['id', 'word'] : ['id', 'value', 'name'];
    for (const { edit } of applied) {
      if (edit.kind === 'add') columns = [...columns, 'extra'];
      else if (edit.kind === 'rename') columns = columns.map((name) => (name === 'name' ? 'label' : name));
      else if (edit.kind === 'drop') columns = columns.filter((name) => name !== 'value');
    }
    return columns;
  }

  /** The rows that are left of a stream, as they are now. */
  #rowsOf(
    number: number,
    sent: SentStream,
    applied: readonly SentEdit[],
    columns: readonly string[],
  ): (number | string)[][] {
    let ids = Array.from({ length: sent.rows }, (_, i) => number * STREAM_STRIDE + i);
    const values = new Map<number, number>();
    let isOlderThanExtra = false;
    for (const { edit, order } of applied) {
      if (order < sent.order) continue;
      if (edit.kind === 'truncate') ids = [];
      else if (edit.kind === 'delete') ids = ids.filter((id) => id % edit.modulus !== edit.rest);
      else if (edit.kind === 'add') isOlderThanExtra = true;
      else if (edit.kind === 'update') {
        for (const id of ids) if (id % edit.modulus === edit.rest) values.set(id, edit.value);
      }
    }
    return ids.map((id) =>
      columns.map((column) => {
        if (column === 'extra' && isOlderThanExtra) return ADDED_DEFAULT;
        return column === 'value' ? (values.get(id) ?? sentValue(column, id)) : sentValue(column, id);
      }),
    );
  }
}
