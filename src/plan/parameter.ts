/**
 * Parameters of a statement: which there are, of which types they should be, and the values that they have while the
 * statement is planned.
 *
 * Hides how binding comes to know them: each parameter's node holds a slot, which is a value while the statement is
 * planned to run, and a NULL that learns its type while types are inferred. Invariants: planning is synchronous, so a
 * slot has a value only within `holding`; what is inferred is inferred again when a table that was looked at has
 * another definition; names are compared without regard to case.
 */
import type { Schema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { Statement } from '../sql/ast.ts';
import type { Parameter } from '../sql/ast-command.ts';
import { sqlError } from '../sql/frame.ts';
import type { Node } from '../sql/walk.ts';
import { mapNodes } from '../sql/walk.ts';
import type { Literal } from './constant.ts';
import { makeLiteral } from './constant.ts';
import type { Expr, ParameterPlace, TypeWish } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import { fitLiteral } from './parameter-value.ts';
import type { PlanCatalog } from './physical.ts';
import { SeenCatalog } from './seen-catalog.ts';

/** A parameter: all places of one name. */
export class ParameterSlot implements TypeWish {
  /** Digits, or a name as first written. */
  readonly name: string;
  readonly spans: Span[] = [];
  /** What its first place that knows asks for; undefined where none does. */
  type: DataType | undefined;
  /** True when no other type would do. */
  firm = false;
  /** While the statement is planned to run: the value, or the column of such values. */
  given: Expr | undefined;
  /** Its place among the parameters. */
  index = 0;
  /** Takes the places of values, where these are watched. */
  places: ParameterPlace[] | undefined;

  constructor(name: string) {
    this.name = name;
  }

  want(type: DataType, firm: boolean): void {
    if (type.id === 'null' || (this.type !== undefined && (this.firm || !firm))) return;
    this.type = type;
    this.firm = firm;
  }
}

/** What stands for a parameter in an expression. @throws `sql_bind` for one whose statement was not given values */
export function bindParameter(sql: string, node: Parameter): Expr {
  const { slot, span } = node;
  if (!(slot instanceof ParameterSlot)) {
    throw sqlError('sql_bind', sql, span, 'a parameter cannot stand in this statement', 'write the value itself');
  }
  const { given, places, index } = slot;
  if (given?.kind === 'literal' && given.value !== null && places !== undefined) {
    const place = { parameter: index, isFixed: false };
    places.push(place);
    return { ...given, span, place };
  }
  if (given !== undefined) return { ...given, span };
  return { ...makeLiteral(null, { id: 'null' }, span), wish: slot };
}

/** A look at the text, so that most statements are not walked. */
const MAY_HAVE_PARAMETERS = /[?$]/u;

/** What planning made, and the places of values in it. */
interface Watched<T> {
  readonly made: T;
  readonly places: readonly ParameterPlace[];
}

/** All parameters of one statement. */
export class ParameterSet {
  readonly sql: string;
  /** By number, or by first appearance. */
  readonly slots: readonly ParameterSlot[];
  /** What types were inferred from; undefined before. */
  #seen: SeenCatalog | undefined;

  constructor(sql: string, slots: readonly ParameterSlot[]) {
    this.sql = sql;
    this.slots = slots;
    slots.forEach((slot, i) => {
      slot.index = i;
    });
  }

  /** Infers types by `plan`, unless that was done for the tables of `catalog` as they are. @throws what `plan` throws */
  learn(catalog: PlanCatalog, plan: (catalog: PlanCatalog) => unknown): void {
    if (this.#seen?.isSameIn(catalog) !== true) this.infer(catalog, plan);
  }

  /**
   * Infers types by `plan`, and answers with what that answers; with undefined where it fails for want of a value.
   * @throws what `plan` throws otherwise
   */
  infer<T>(catalog: PlanCatalog, plan: (catalog: PlanCatalog) => T): T | undefined {
    const seen = new SeenCatalog();
    this.#seen = undefined;
    for (const slot of this.slots) {
      slot.type = undefined;
      slot.firm = false;
      slot.given = undefined;
    }
    try {
      return plan(seen.watching(catalog));
    } catch (error) {
      if (this.isForWantOfValue(error)) return undefined;
      throw error;
    } finally {
      this.#seen = seen;
    }
  }

  /** True when an error may come from a parameter that is not known: it stands at one, or at what holds one. */
  isForWantOfValue(error: unknown): boolean {
    const at = error instanceof EngineError ? error.position : undefined;
    if (at === undefined) return false;
    return this.slots.some(({ spans }) => spans.some(({ start, end }) => at.start <= start && end <= at.end));
  }

  /** Runs `work`, which plans, while the parameters are `values`, one for each. @throws `value_error` naming one */
  holding<T>(values: readonly Literal[], work: () => T): T {
    return this.#filled((slot, i) => fitLiteral(values[i] as Literal, slot), work);
  }

  /**
   * The same, and the places in which the values were put; without these where `work` fails for taking them for other
   * than the constants that they are equal to. @throws what `work` throws then, too
   */
  watching<T>(values: readonly Literal[], work: () => T): Watched<T> {
    const places: ParameterPlace[] = [];
    for (const slot of this.slots) slot.places = places;
    try {
      return { made: this.holding(values, work), places };
    } catch (error) {
      if (!(error instanceof EngineError) || places.length === 0) throw error;
    } finally {
      for (const slot of this.slots) slot.places = undefined;
    }
    return { made: this.holding(values, work), places: [] };
  }

  /** Runs `work`, which looks at what is constant, while the parameters are `values` as they are. */
  holdingAsGiven<T>(values: readonly Literal[], work: () => T): T {
    return this.#filled((_, i) => values[i] as Literal, work);
  }

  /** Runs `work`, which plans, while the parameters are the columns of rows of `schema`, one for each. */
  holdingColumns<T>(schema: Schema, work: () => T): T {
    return this.#filled(
      (slot, i) => columnOf(i, schema.fields[i] as Schema['fields'][number], slot.spans[0] as Span),
      work,
    );
  }

  #filled<T>(give: (slot: ParameterSlot, index: number) => Expr, work: () => T): T {
    try {
      this.slots.forEach((slot, i) => {
        slot.given = give(slot, i);
      });
      return work();
    } catch (error) {
      throw this.#naming(error);
    } finally {
      for (const slot of this.slots) slot.given = undefined;
    }
  }

  /** An error that stands at a parameter says which one it is. */
  #naming(error: unknown): unknown {
    const at = error instanceof EngineError ? error.position : undefined;
    const found = this.slots.find(({ spans }) =>
      spans.some(({ start, end }) => start === at?.start && end === at.end),
    );
    if (!(error instanceof EngineError) || at === undefined || found === undefined) return error;
    const shown = `parameter $${found.name}`;
    if (error.message.startsWith(shown)) return error;
    return new EngineError(error.code, `${shown}: ${error.message}`, { position: at, cause: error });
  }
}

const NO_PARAMETERS = new ParameterSet('', []);

/**
 * The statement with a slot in each of its parameters, and the slots. @throws `sql_bind` where a parameter cannot
 * stand
 */
export function openParameters(
  sql: string,
  statement: Statement,
): { readonly statement: Statement; readonly parameters: ParameterSet } {
  if (!MAY_HAVE_PARAMETERS.test(sql)) return { statement, parameters: NO_PARAMETERS };
  const slots = new Map<string, ParameterSlot>();
  refuseBare(sql, statement);
  const opened = mapNodes(statement, (node) => openNode(sql, node, slots));
  if (slots.size === 0) return { statement, parameters: NO_PARAMETERS };
  const defines = statement.kind === 'alter_table' || statement.kind === 'create_view';
  if (defines || (statement.kind === 'create_table' && statement.query === undefined)) {
    const span = [...slots.values()][0]?.spans[0] as Span;
    throw sqlError('sql_unsupported', sql, span, 'parameters are not supported in the definition of a table or view');
  }
  const ordered = [...slots.values()].sort((a, b) => numberOf(a) - numberOf(b));
  return { statement: opened, parameters: new ParameterSet(sql, ordered) };
}

/** DuckDB refuses these too: a constant there orders and groups nothing, and a number would not be a place. */
function refuseBare(sql: string, node: Node): void {
  const sorts =
    node.kind === 'order_item' ? [node.expr] : node.kind === 'select' ? node.groups : ([] as readonly Node[]);
  const bare = sorts.find((item) => item.kind === 'parameter');
  if (bare !== undefined) {
    const clause = node.kind === 'select' ? 'GROUP BY' : 'ORDER BY';
    throw sqlError('sql_bind', sql, bare.span, `a parameter cannot stand for an item of ${clause}`);
  }
}

function openNode(sql: string, node: Node, slots: Map<string, ParameterSlot>): Node | undefined {
  refuseBare(sql, node);
  if (node.kind !== 'parameter') return undefined;
  const key = foldName(node.name);
  const slot = slots.get(key) ?? new ParameterSlot(node.name);
  slots.set(key, slot);
  slot.spans.push(node.span);
  return { ...node, slot };
}

/** Names, which have no number, keep their order. */
function numberOf(slot: ParameterSlot): number {
  return /^\d+$/u.test(slot.name) ? Number(slot.name) : 0;
}
