/**
 * Queries over the tables of a world, by a grammar.
 *
 * Hides the grammar. Invariants: a LIMIT stands only where ORDER BY names every column, so that one answer is right;
 * what depends on the order of rows is told its order; the rows of joins are bounded by an estimate.
 */
import type { Random } from '../support/random.ts';
import { below, pick } from '../fuzz/rounds.ts';
import { aggregate } from './aggregate.ts';
import type { Calls } from './call.ts';
import { Expressions } from './expression.ts';
import type { Scope, ScopeColumn } from './expression.ts';
import { window } from './window.ts';
import type { Kind } from './world.ts';

/** Something that FROM may name. */
export interface Relation {
  readonly name: string;
  readonly rowCount: number;
  readonly columns: readonly { readonly name: string; readonly kind: Kind; readonly isTame: boolean }[];
}

/** What is generated besides the language that always is. */
export interface Features {
  readonly windows: boolean;
  readonly calls: Calls;
}

interface Source {
  readonly sql: string;
  readonly columns: readonly ScopeColumn[];
  /** An estimate of the rows. */
  readonly rows: number;
}

/** A query and what its columns are. */
interface Made {
  readonly sql: string;
  readonly kinds: readonly Kind[];
  readonly rows: number;
}

/** Rows that a join may have by the estimate. */
const ROWS_MAX = 5_000;
/** Above this a table is joined by its id alone. */
const ROWS_LARGE = 100;

/** Makes one query. */
export class QueryMaker {
  readonly #random: Random;
  readonly #relations: Relation[];
  readonly #features: Features;
  readonly #expressions: Expressions;
  #names = 0;
  /** Queries that may still be put inside. */
  #inner = 4;

  constructor(random: Random, relations: readonly Relation[], features: Features) {
    this.#random = random;
    this.#relations = [...relations];
    this.#features = features;
    this.#expressions = new Expressions(random, features.calls);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #alias(): string {
    return `r${(this.#names++).toString()}`;
  }

  /** A whole statement. */
  statement(): string {
    const commons: string[] = [];
    while (this.#inner > 1 && this.#chance(0.15)) {
      const name = this.#alias();
      this.#inner--;
      const made = this.#body(this.#kinds(), 2, []);
      const materialized = '';
      commons.push(`${name} AS ${materialized}(${made.sql})`);
      this.#relations.push(this.#relation(name, made));
    }
    const made = this.#body(this.#kinds(), 3, []);
    const prefix = commons.length === 0 ? '' : `WITH ${commons.join(', ')} `;
    return `${prefix}${this.#ordered(made)}`;
  }

  #relation(name: string, made: Made): Relation {
    const columns = made.kinds.map((kind, i) => ({ name: `c${i.toString()}`, kind, isTame: false }));
    return { name, rowCount: made.rows, columns };
  }

  #kinds(): Kind[] {
    return Array.from({ length: 1 + below(this.#random, 4) }, () => this.#expressions.kind());
  }

  /** With ORDER BY and LIMIT, or neither. */
  #ordered(made: Made): string {
    if (this.#chance(0.4)) return made.sql;
    const places = made.kinds.map((_, i) => i + 1);
    for (let i = places.length - 1; i > 0; i--) {
      const j = below(this.#random, i + 1);
      [places[i], places[j]] = [places[j] ?? 1, places[i] ?? 1];
    }
    const limited = this.#chance(0.4);
    const used = limited ? places : places.slice(0, 1 + below(this.#random, places.length));
    const items = used.map((place) => {
      const direction = pick(this.#random, ['', '', ' ASC', ' DESC', ' DESC']);
      return `${place.toString()}${direction}${pick(this.#random, ['', '', ' NULLS FIRST', ' NULLS LAST'])}`;
    });
    const limit = limited ? ` LIMIT ${pick(this.#random, ['0', '1', '3', '10', '100'])}` : '';
    const offset = limited && this.#chance(0.3) ? ` OFFSET ${pick(this.#random, ['0', '1', '5'])}` : '';
    return `${made.sql} ORDER BY ${items.join(', ')}${limit}${offset}`;
  }

  /** A SELECT or a set operation with these kinds of columns, named c0, c1 …. */
  #body(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Made {
    if (depth > 1 && this.#chance(0.12)) {
      const operator = pick(this.#random, ['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'UNION ALL BY NAME']);
      const left = this.#body(kinds, depth - 1, outer);
      const right = this.#body(kinds, depth - 1, outer);
      return { sql: `(${left.sql}) ${operator} (${right.sql})`, kinds, rows: left.rows + right.rows };
    }
    return this.#select(kinds, depth, outer);
  }

  #select(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Made {
    const source = this.#from(depth, outer);
    const scope = this.#scope(source.columns, outer, depth);
    const where = this.#chance(0.5) ? ` WHERE ${this.#expressions.condition(2, scope)}` : '';
    const form = this.#random();
    if (form < 0.35) return this.#grouped(kinds, source, scope, where);
    if (form < 0.45 && this.#features.windows && source.rows < 3_000) {
      const items = kinds.map((kind, i) => {
        const sql = this.#chance(0.6)
          ? window(this.#random, this.#expressions, kind, scope)
          : this.#expressions.expr(kind, 1, scope);
        return `${sql} AS c${i.toString()}`;
      });
      return { sql: `SELECT ${items.join(', ')} FROM ${source.sql}${where}`, kinds, rows: source.rows };
    }
    const items = kinds.map((kind, i) => {
      const isTop = this.#chance(0.2);
      const sql = isTop
        ? this.#expressions.call(kind, 2, scope, depth === 3)
        : this.#expressions.expr(kind, 3, scope);
      return `${sql} AS c${i.toString()}`;
    });
    const distinct = this.#chance(0.12) ? 'DISTINCT ' : '';
    return { sql: `SELECT ${distinct}${items.join(', ')} FROM ${source.sql}${where}`, kinds, rows: source.rows };
  }

  #grouped(kinds: readonly Kind[], source: Source, scope: Scope, where: string): Made {
    const inner: Scope = { ...scope, subquery: undefined };
    const keyCount = pick(this.#random, [0, 1, 1, 2, 3]);
    const keys = Array.from({ length: keyCount }, (): ScopeColumn => {
      const kind = this.#expressions.kind();
      const ref = this.#chance(0.7)
        ? this.#expressions.leaf(kind, { ...inner, outer: [] })
        : this.#expressions.expr(kind, 2, { ...inner, outer: [] });
      return { ref, kind, isTame: false };
      // Constants are folded, and then grouping sets no longer know them.
    }).filter(({ ref }) => /\br\d+\.\w/u.test(ref));
    const value = (kind: Kind): string => aggregate(this.#random, this.#expressions, kind, inner);
    const items = kinds.map((kind, i) => {
      const fitting = keys.filter((key) => key.kind === kind);
      const isKey = fitting.length > 0 && this.#chance(0.6);
      let sql = isKey ? pick(this.#random, fitting).ref : value(kind);
      if (this.#chance(0.15)) {
        // Computed from keys, with an aggregate beside.
        const over: Scope = { columns: keys, outer: [], subquery: undefined };
        const a = this.#expressions.expr(kind, 2, over);
        sql = this.#chance(0.5) ? `coalesce(${value(kind)}, ${a})` : a;
      }
      return `${sql} AS c${i.toString()}`;
    });
    const refs = keys.map((key) => key.ref);
    const having = this.#chance(0.2)
      ? ` HAVING ${pick(this.#random, ['count(*) > 1', 'count(*) % 2 = 0', `(${value('int')} IS NOT NULL)`])}`
      : '';
    const sql = `SELECT ${items.join(', ')} FROM ${source.sql}${where}${this.#groupBy(refs)}${having}`;
    return { sql, kinds, rows: keys.length === 0 ? 1 : source.rows };
  }

  #groupBy(keys: readonly string[]): string {
    if (keys.length === 0) return '';
    const list = keys.join(', ');
    switch (below(this.#random, 8)) {
      case 0:
        return ` GROUP BY ROLLUP (${list})`;
      case 1:
        return ` GROUP BY CUBE (${list})`;
      case 2:
        return ` GROUP BY GROUPING SETS ((${list}), ${keys.map((key) => `(${key})`).join(', ')}, ())`;
      default:
        return ` GROUP BY ${list}`;
    }
  }

  #scope(columns: readonly ScopeColumn[], outer: readonly ScopeColumn[], depth: number): Scope {
    const scope: Scope = {
      columns,
      outer,
      subquery:
        depth <= 1
          ? undefined
          : (kind, form) => {
              if (this.#inner <= 0) return `SELECT ${this.#expressions.literal(kind)}`;
              this.#inner--;
              return this.#subquery(kind, form, columns, depth - 1);
            },
    };
    return scope;
  }

  /** One column; at most one row for 'one'. */
  #subquery(kind: Kind, form: 'one' | 'many', outer: readonly ScopeColumn[], depth: number): string {
    const source = this.#table(this.#chance(0.75) ? outer : [], true);
    const around = this.#chance(0.75) ? outer : [];
    const scope: Scope = { columns: source.columns, outer: around, subquery: undefined };
    const filters: string[] = [];
    if (around.length > 0 && this.#chance(0.8)) filters.push(this.#link(source.columns, around));
    if (this.#chance(0.4)) filters.push(this.#expressions.condition(1, scope));
    const where = filters.length === 0 ? '' : ` WHERE ${filters.join(' AND ')}`;
    if (form === 'one' || this.#chance(0.2)) {
      const value = aggregate(this.#random, this.#expressions, kind, { ...scope, outer: [] });
      return `SELECT ${value} FROM ${source.sql}${where}`;
    }
    const value = this.#expressions.expr(kind, depth > 1 ? 2 : 1, scope);
    if (this.#chance(0.15)) {
      const more = aggregate(this.#random, this.#expressions, kind, { ...scope, outer: [] });
      const key = this.#expressions.leaf('int', { ...scope, outer: [] });
      if (key.includes('.')) return `SELECT ${more} FROM ${source.sql}${where} GROUP BY ${key}`;
    }
    return `SELECT ${this.#chance(0.1) ? 'DISTINCT ' : ''}${value} FROM ${source.sql}${where}`;
  }

  /** A condition between the columns of two sides: mostly equality of small numbers. */
  #link(left: readonly ScopeColumn[], right: readonly ScopeColumn[]): string {
    const tame = this.#chance(0.7);
    const kinds = left.filter(
      (a) => (!tame || a.isTame) && right.some((b) => b.kind === a.kind && (!tame || b.isTame)),
    );
    if (kinds.length === 0) return 'TRUE';
    const a = pick(this.#random, kinds);
    const b = pick(
      this.#random,
      right.filter((column) => column.kind === a.kind && (!tame || column.isTame)),
    );
    const operator = pick(this.#random, ['=', '=', '=', '=', '<', '>=', '<>', 'IS NOT DISTINCT FROM']);
    return `${a.ref} ${operator} ${b.ref}`;
  }

  #refs(relation: Relation, alias: string): ScopeColumn[] {
    return relation.columns.map(({ name, kind, isTame }) => ({ ref: `${alias}.${name}`, kind, isTame }));
  }

  #table(_outer: readonly ScopeColumn[], small = false): Source {
    const fitting = small ? this.#relations.filter(({ rowCount }) => rowCount <= ROWS_MAX) : this.#relations;
    const relation = pick(this.#random, fitting.length > 0 ? fitting : this.#relations);
    const alias = this.#alias();
    return {
      sql: `${relation.name} AS ${alias}`,
      columns: this.#refs(relation, alias),
      rows: relation.rowCount,
    };
  }

  #item(depth: number, outer: readonly ScopeColumn[]): Source {
    if (depth > 1 && this.#inner > 0 && this.#chance(0.2)) {
      this.#inner--;
      const made = this.#body(this.#kinds(), depth - 1, outer);
      const alias = this.#alias();
      const sql = this.#chance(0.3) ? this.#ordered(made) : made.sql;
      return { sql: `(${sql}) AS ${alias}`, columns: this.#refs(this.#relation('', made), alias), rows: made.rows };
    }
    return this.#table(outer);
  }

  #from(depth: number, outer: readonly ScopeColumn[]): Source {
    let source = this.#item(depth, outer);
    let joins = pick(this.#random, [0, 0, 0, 1, 1, 2]);
    for (; joins > 0; joins--) {
      const right = this.#item(depth - 1, []);
      const joined = this.#join(source, right);
      if (joined !== undefined) source = joined;
    }
    return source;
  }

  #join(left: Source, right: Source): Source | undefined {
    const rows = left.rows * Math.max(1, right.rows);
    const isLarge = Math.max(left.rows, right.rows) > ROWS_LARGE;
    const id = (source: Source): ScopeColumn | undefined => source.columns.find(({ ref }) => ref.endsWith('.id'));
    const columns = [...left.columns, ...right.columns];
    if (rows > ROWS_MAX || isLarge) {
      const [a, b] = [id(left), id(right)];
      if (a === undefined || b === undefined) return undefined;
      const kind = pick(this.#random, ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN']);
      const sql = `${left.sql} ${kind} ${right.sql} ON ${a.ref} = ${b.ref}`;
      return { sql, columns, rows: left.rows + right.rows };
    }
    const kind = pick(this.#random, [
      'JOIN',
      'JOIN',
      'LEFT JOIN',
      'RIGHT JOIN',
      'FULL JOIN',
      'SEMI JOIN',
      'ANTI JOIN',
      ',',
    ]);
    const kept = kind === 'SEMI JOIN' || kind === 'ANTI JOIN' ? left.columns : columns;
    if (kind === ',') return { sql: `${left.sql} CROSS JOIN ${right.sql}`, columns, rows };
    const shared = ['id', 'k'].find((name) => {
      return [left, right].every(
        (source) => source.columns.filter(({ ref }) => ref.endsWith(`.${name}`)).length === 1,
      );
    });
    if (shared !== undefined && this.#chance(0.15)) {
      return { sql: `${left.sql} ${kind} ${right.sql} USING (${shared})`, columns: kept, rows };
    }
    const conditions = [this.#link(left.columns, right.columns)];
    if (this.#chance(0.25)) conditions.push(this.#link(left.columns, right.columns));
    if (this.#chance(0.2)) {
      conditions.push(this.#expressions.condition(1, { columns, outer: [], subquery: undefined }));
    }
    return { sql: `${left.sql} ${kind} ${right.sql} ON ${conditions.join(' AND ')}`, columns: kept, rows };
  }
}
