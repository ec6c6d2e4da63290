/**
 * The tagged appends of one group commit to one table.
 *
 * Hides which states were begun. Invariants: appends are judged in the order of the queue; what was begun is settled or
 * undone with the table's share of the group, and repetitions within the group go the way of the one they repeat.
 */
import { EngineError } from '../base/errors.ts';
import type { CatalogChange } from '../catalog/rows.ts';
import type { AppendTag } from './contract.ts';
import { producerKey } from './producer.ts';
import type { ProducerOutcome, ProducerResult, ProducerState } from './producer.ts';
import type { Table } from './table.ts';

interface Begun {
  readonly state: ProducerState;
  readonly tag: AppendTag;
}

/** `W`: who waits for an answer. */
export class GroupProducers<W> {
  readonly #begun = new Map<string, Begun>();
  readonly #repeats: { readonly waiting: W; readonly state: ProducerState; readonly seq: number }[] = [];

  /** What an append means; one that is new has begun now, a repetition of one in this group is kept for `settle`. */
  judge(
    table: Table,
    { tag, checksum }: { readonly tag: AppendTag; readonly checksum: string },
    rowCount: number,
    waiting: W,
  ): ProducerOutcome {
    const state = table.producers.get(table.name, tag);
    if (state === undefined) {
      const message = `table "${table.name}" was made by another stream meanwhile`;
      throw new EngineError('busy', `${message}; send the rows again, under the same number`);
    }
    const judged = state.check(tag, checksum);
    if (judged.outcome === 'new') {
      state.begin(tag, checksum, rowCount);
      this.#begun.set(producerKey(tag), { state, tag });
    }
    if (judged.outcome === 'pending') this.#repeats.push({ waiting, state, seq: tag.seq });
    return judged;
  }

  /** Rows for the catalog's transaction. */
  rows(tableId: number): NonNullable<CatalogChange['producers']>[number][] {
    return [...this.#begun.values()].flatMap(({ state, tag: { kind, name } }) =>
      state.begun.map(({ epoch, seq, checksum, rowCount, forgetBelow }) => {
        return { tableId, kind, name, epoch, seq, checksum, addedRows: rowCount, forgetBelow };
      }),
    );
  }

  /** What was begun is durable in `commit`. Returns the repetitions, with the results that they get. */
  settle(commit: number): { readonly waiting: W; readonly result: ProducerResult }[] {
    for (const { state } of this.#begun.values()) state.settle(commit);
    return this.#repeats.map(({ waiting, state, seq }) => ({ waiting, result: state.resultOf(seq) }));
  }

  /** What was begun failed. Returns the repetitions, which fail with it. */
  undo(): W[] {
    for (const { state } of this.#begun.values()) state.undo();
    return this.#repeats.map(({ waiting }) => waiting);
  }
}
