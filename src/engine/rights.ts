/**
 * What a principal may do with which table.
 *
 * Hides how grants add up. Invariants: what is granted nowhere is not allowed; a right goes by the table's name,
 * whether there is such a table or not, so that no answer tells that one is there; ASCII case of names does not matter.
 */
import { createHash } from 'node:crypto';
import type { Principal, Role } from '../catalog/access-file.ts';
import { EngineError } from '../base/errors.ts';
import { foldName } from '../base/names.ts';

export type { Principal, Role } from '../catalog/access-file.ts';

const RANKS: Readonly<Record<Role, number>> = { read: 1, ingest: 2, admin: 3 };

/** The roles, the least first. */
export const ROLES: readonly Role[] = ['read', 'ingest', 'admin'];

export class Rights {
  readonly name: string;
  /** The same for the same name and the same grants, and for no others. */
  readonly fingerprint: string;
  /** Rank of the role on all tables. */
  #everywhere = 0;
  /** Ranks of roles on single tables, by their folded names. */
  readonly #tables = new Map<string, number>();

  constructor({ name, grants }: Principal) {
    this.name = name;
    for (const { table, role } of grants) {
      const rank = RANKS[role];
      if (table === undefined) this.#everywhere = Math.max(this.#everywhere, rank);
      else this.#tables.set(foldName(table), Math.max(this.#tables.get(foldName(table)) ?? 0, rank));
    }
    const tables = [...this.#tables].map((one) => JSON.stringify(one)).sort((a, b) => (a < b ? -1 : 1));
    const said = [name, this.#everywhere, tables];
    this.fingerprint = createHash('sha256').update(JSON.stringify(said)).digest('hex');
  }

  /** True when this role, or a higher one, is held on `table`, or on all of them when there is none. */
  has(role: Role, table?: string): boolean {
    const here = table === undefined ? 0 : (this.#tables.get(foldName(table)) ?? 0);
    return Math.max(this.#everywhere, here) >= RANKS[role];
  }

  /** @throws `forbidden` unless this role is held on `table` */
  demand(role: Role, table: string): void {
    if (!this.has(role, table)) throw this.#refusal(role, `table ${JSON.stringify(table)}`);
  }

  /** @throws `forbidden` unless this role is held on all tables; `what` is what asks for it */
  demandEverywhere(role: Role, what: string): void {
    if (!this.has(role)) throw this.#refusal(role, `all tables, for ${what}`);
  }

  #refusal(role: Role, where: string): EngineError {
    const who = this.name === '' ? 'an unknown caller' : this.name;
    return new EngineError('forbidden', `${who} does not have the right "${role}" on ${where}`);
  }
}

/** Whoever has not said who he is. */
export const NOBODY = new Rights({ name: '', grants: [] });
