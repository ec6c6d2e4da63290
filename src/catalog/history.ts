/**
 * What the catalog remembers beside tables and segments: commits by time, producers and their results, damage.
 *
 * Hides the SQL of these. Invariants: reads are single statements or run where nothing can come between; what is
 * forgotten goes in slices, so that no transaction holds a commit up for long.
 */
import type { Statement } from 'better-sqlite3';
import type { Connection } from './connection.ts';
import type { CommitRow, DamageRow, ProducerKey, ProducerResultRow, ProducerRow } from './rows.ts';

const SELECT_PRODUCER = `
  SELECT epoch, seq, row_count FROM producers WHERE table_id = @tableId AND kind = @kind AND name = @name`;

const SELECT_PRODUCER_RESULTS = `
  SELECT seq, checksum, commit_id, row_count FROM producer_results
  WHERE table_id = @tableId AND kind = @kind AND name = @name ORDER BY seq`;

// The oldest keys go first; a key's results go with it.
const SELECT_OLD_KEYS = `
  SELECT table_id, name FROM producers WHERE kind = 1 AND updated_ms < @before ORDER BY updated_ms LIMIT @most`;

const SELECT_SURPLUS_KEYS = `
  SELECT table_id, name FROM producers WHERE kind = 1 ORDER BY updated_ms DESC LIMIT @most OFFSET @kept`;

const FORGET_COMMITS = `
  DELETE FROM commits WHERE commit_id IN (SELECT commit_id FROM commits WHERE commit_id < ? ORDER BY commit_id LIMIT ?)`;

const SELECT_COMMITS = `
  SELECT commit_id, time_ms, what FROM commits WHERE commit_id >= ? ORDER BY commit_id DESC LIMIT ?`;

// Times may go back when the clock does: the newest commit that is no later counts.
const SELECT_COMMIT_AT = `SELECT max(commit_id) FROM commits WHERE time_ms <= ?`;

const SELECT_DAMAGES = `
  SELECT d.segment_id, d.byte_offset, d.what FROM damages d JOIN segments s ON s.segment_id = d.segment_id
  ORDER BY d.segment_id`;

type ProducerValues = [number, number, number];
type ResultValues = [number, string, number, number];
type CommitValues = [number, number, string];
type KeyValues = [number, string];

interface ProducerNames {
  readonly tableId: number;
  readonly kind: 0 | 1;
  readonly name: string;
}

/** Prepared statements of one connection. */
export class History {
  readonly #producer: Statement<[ProducerNames], ProducerValues>;
  readonly #results: Statement<[ProducerNames], ResultValues>;
  readonly #commits: Statement<[number, number], CommitValues>;
  readonly #commitAt: Statement<[number], number | null>;
  readonly #oldKeys: Statement<[{ before: number; most: number }], KeyValues>;
  readonly #surplusKeys: Statement<[{ kept: number; most: number }], KeyValues>;
  readonly #deleteKey: Statement;
  readonly #deleteKeyResults: Statement;
  readonly #forgetCommits: Statement;
  readonly #insertDamage: Statement;
  readonly #damages: Statement<[], [number, number, string]>;

  constructor(connection: Connection) {
    this.#producer = connection.prepare<[ProducerNames], ProducerValues>(SELECT_PRODUCER).raw();
    this.#results = connection.prepare<[ProducerNames], ResultValues>(SELECT_PRODUCER_RESULTS).raw();
    this.#commits = connection.prepare<[number, number], CommitValues>(SELECT_COMMITS).raw();
    this.#commitAt = connection.prepare<[number], number | null>(SELECT_COMMIT_AT).pluck();
    this.#oldKeys = connection.prepare<[{ before: number; most: number }], KeyValues>(SELECT_OLD_KEYS).raw();
    this.#surplusKeys = connection.prepare<[{ kept: number; most: number }], KeyValues>(SELECT_SURPLUS_KEYS).raw();
    this.#deleteKey = connection.prepare('DELETE FROM producers WHERE table_id = ? AND kind = 1 AND name = ?');
    this.#deleteKeyResults = connection.prepare(
      'DELETE FROM producer_results WHERE table_id = ? AND kind = 1 AND name = ?',
    );
    this.#forgetCommits = connection.prepare(FORGET_COMMITS);
    this.#insertDamage = connection.prepare(
      'INSERT INTO damages (segment_id, byte_offset, what, found_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#damages = connection.prepare<[], [number, number, string]>(SELECT_DAMAGES).raw();
  }

  /** How far a producer came; undefined when it is unknown. */
  producer({ tableId, kind, name }: ProducerKey): ProducerRow | undefined {
    const names: ProducerNames = { tableId, kind: kind === 'key' ? 1 : 0, name };
    const found = this.#producer.get(names);
    if (found === undefined) return undefined;
    const [epoch, seq, rowCount] = found;
    const results = this.#results.all(names).map(([resultSeq, checksum, commit, rows]): ProducerResultRow => ({
      seq: resultSeq,
      checksum,
      commit,
      rowCount: rows,
    }));
    return { epoch, seq, rowCount, results };
  }

  /** The newest `most` commits from `from` on, oldest first. */
  commits(from: number, most: number): CommitRow[] {
    return this.#commits
      .all(from, most)
      .map(([version, timeMs, what]) => ({ version, timeMs, what }))
      .reverse();
  }

  /** The newest commit that is no later than `timeMs`. */
  commitAt(timeMs: number): number | undefined {
    return this.#commitAt.get(timeMs) ?? undefined;
  }

  /** Deletes at most `most` commits below `version`; returns how many. */
  forgetCommits(version: number, most: number): number {
    return this.#forgetCommits.run(version, most).changes;
  }

  /** Deletes at most `most` idempotency keys that were used before `beforeMs`, or that are more than `kept`. */
  forgetKeys(beforeMs: number, kept: number, most: number): number {
    const keys = [...this.#oldKeys.all({ before: beforeMs, most }), ...this.#surplusKeys.all({ kept, most })];
    for (const [tableId, name] of keys) {
      this.#deleteKeyResults.run(tableId, name);
      this.#deleteKey.run(tableId, name);
    }
    return keys.length;
  }

  /** Remembers damage; the first finding in a segment stays. */
  addDamage({ segmentId, offset, what }: DamageRow, timeMs: number): void {
    this.#insertDamage.run(segmentId, offset, what, timeMs);
  }

  /** Damage of segments that are still there. */
  damages(): DamageRow[] {
    return this.#damages.all().map(([segmentId, offset, what]) => ({ segmentId, offset, what }));
  }
}
