/**
 * Plans that are kept: what binding and the passes made of a query is used again for other rows and other values.
 *
 * Hides which parameters may have another value without another plan. A parameter is late when each of its places
 * still stands in the plan as an operand of an operation that means the same for all values of its type, and nothing
 * has looked at the value; of every other the value belongs to the plan. Invariants: a plan serves only where tables
 * and views have the definitions that it was made of, under the same settings, for values of the same types; a plan
 * that is kept holds no table's rows and no value of a late parameter is used twice; one plan is kept for a statement.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { vectorBytes } from '../arrow/vector.ts';
import type { BatchCounts, Source } from '../arrow/source.ts';
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { present } from '../base/assert.ts';
import { PLAN_KEPT_BYTES_MAX } from '../base/limits.ts';
import { isNestedValue } from '../function/constant.ts';
import type { AggregateCall, Expr, LiteralValue, ParameterPlace } from './expr.ts';
import { literalKey, mapLeaves } from './expr-walk.ts';
import type { Literal } from './constant.ts';
import type { LogicalPlan, LogicalQuery } from './logical.ts';
import { forEachExpr, inputsOf, mapExprs, mapPlan } from './logical.ts';
import { mayMeanNow } from './moment.ts';
import type { ParameterSet } from './parameter.ts';
import { fitLiteral } from './parameter-value.ts';
import type { GivenValues } from './parameter-value.ts';
import { boundScans } from './pass-bounds.ts';
import { countsPlan } from './pass-count.ts';
import type { PlanCatalog } from './physical.ts';
import { SeenCatalog } from './seen-catalog.ts';
import type { Settings } from './setting.ts';

/** A parameter of a plan that is kept. */
interface KeptParameter {
  /** What its place asked for when the plan was made. */
  readonly wanted: DataType | undefined;
  readonly type: DataType;
  /** Undefined for a late one. */
  readonly value: LiteralValue | undefined;
}

interface KeptPlan {
  readonly settings: Settings;
  readonly seen: SeenCatalog;
  /** Tables stand in it by their names, late parameters by their places. */
  readonly query: LogicalQuery;
  readonly parameters: readonly KeptParameter[];
}

/** Stands for a table of the catalog that a plan will be filled from. */
class TableName implements Source {
  readonly schema: Schema;
  readonly rowCount = 0;
  readonly name: string;

  constructor(name: string, schema: Schema) {
    this.name = name;
    this.schema = schema;
  }

  scan(): never {
    throw new TypeError(`the plan that reads ${this.name} was not filled`);
  }

  countBatches(): Promise<BatchCounts> {
    return this.scan();
  }
}

/** The plan of one statement that was made last. */
export class PlanMemory {
  #kept: KeptPlan | undefined;

  /**
   * The plan over `catalog` with these values; undefined where it must be made anew. @throws `value_error` for a value
   * that does not fit
   */
  recall(
    parameters: ParameterSet,
    catalog: PlanCatalog,
    settings: Settings,
    values: GivenValues,
  ): LogicalQuery | undefined {
    const kept = this.#kept;
    if (kept?.settings !== settings || !kept.seen.isSameIn(catalog) || !kept.seen.isNear(catalog)) return undefined;
    const literals = fitAll(kept.parameters, parameters, values);
    return literals === undefined ? undefined : fill(kept.query, catalog, literals);
  }

  /** Keeps what `plan` makes while the parameters are `values`, and answers with it. @throws what `plan` throws */
  make(
    parameters: ParameterSet,
    given: PlanCatalog,
    settings: Settings,
    plan: (catalog: PlanCatalog) => LogicalQuery,
    values: GivenValues,
  ): LogicalQuery {
    this.#kept = undefined;
    const seen = new SeenCatalog();
    const sources = new Map<Source, string>();
    const catalog = seen.watching(given, sources);
    const { made: query, places } = parameters.watching(values, () => plan(catalog));
    if (!seen.isLimited || seen.viewTexts.some(mayMeanNow) || constantBytes(query) > PLAN_KEPT_BYTES_MAX)
      return query;
    const late = lateParameters(query, places);
    const kept = parameters.slots.map((slot, i): KeptParameter => {
      const { type, value } = fitLiteral(present(values[i], 'a value'), slot);
      return { wanted: slot.type, type, value: late.has(i) && value !== null ? undefined : value };
    });
    this.#kept = { settings, seen, query: emptied(query, sources), parameters: kept };
    return query;
  }
}

/** The values as the parameters of a plan; undefined where one is of another type, or should be another value. */
function fitAll(
  kept: readonly KeptParameter[],
  { slots }: ParameterSet,
  values: GivenValues,
): readonly Literal[] | undefined {
  const literals: Literal[] = [];
  for (const [i, { wanted, type, value }] of kept.entries()) {
    const slot = present(slots[i], 'a parameter');
    if (slot.type !== wanted) return undefined;
    const literal = fitLiteral(present(values[i], 'a value'), slot);
    if (!sameType(literal.type, type)) return undefined;
    const isSame = value === undefined ? literal.value !== null : literalKey(literal.value) === literalKey(value);
    if (!isSame) return undefined;
    literals.push(literal);
  }
  return literals;
}

/** Bytes of the constants in a query. */
function constantBytes({ plan, shared }: LogicalQuery): number {
  const bytesOf = (operator: LogicalPlan): number => {
    let bytes = 0;
    if (operator.kind === 'values') for (const batch of operator.batches) bytes += batchBytes(batch);
    if (operator.kind === 'aggregate' || operator.kind === 'window') {
      const calls: readonly AggregateCall[] = operator.kind === 'window' ? operator.calls : operator.aggregates;
      for (const { constants } of calls) for (const value of constants) bytes += valueBytes(value);
    }
    forEachExpr(operator, (expr) => {
      mapLeaves(expr, (leaf) => {
        if (leaf.kind === 'literal') bytes += valueBytes(leaf.value);
        return leaf;
      });
    });
    return inputsOf(operator).reduce((sum, input) => sum + bytesOf(input), bytes);
  };
  return [...shared.values()].reduce((sum, one) => sum + bytesOf(one), bytesOf(plan));
}

function batchBytes({ columns }: RecordBatch): number {
  return columns.reduce((sum, column) => sum + vectorBytes(column), 0);
}

function valueBytes(value: LiteralValue): number {
  if (typeof value === 'string') return value.length * 2;
  if (value instanceof Uint8Array) return value.byteLength;
  return isNestedValue(value) ? vectorBytes(value) : 8;
}

/** The plans of a query, each rewritten. */
function mapQuery({ plan, shared }: LogicalQuery, rewrite: (plan: LogicalPlan) => LogicalPlan): LogicalQuery {
  return { plan: rewrite(plan), shared: new Map([...shared].map(([id, one]) => [id, rewrite(one)])) };
}

/** The query with names in the place of its tables. */
function emptied(query: LogicalQuery, sources: ReadonlyMap<Source, string>): LogicalQuery {
  const nameOf = (source: Source): Source => {
    const name = sources.get(source);
    return name === undefined ? source : new TableName(name, source.schema);
  };
  // What was given the first time is not needed again, and what is fixed is a constant like any other.
  const settled = (leaf: Expr): Expr => {
    if (leaf.kind !== 'literal' || leaf.place === undefined) return leaf;
    if (!leaf.place.isFixed) return { ...leaf, value: null };
    const { place: _, ...constant } = leaf;
    return constant;
  };
  const settle = (operator: LogicalPlan): LogicalPlan => {
    return mapSource(
      mapExprs(operator, (expr) => mapLeaves(expr, settled)),
      nameOf,
    );
  };
  return mapQuery(query, (plan) => mapPlan(plan, settle));
}

function mapSource(operator: LogicalPlan, map: (source: Source) => Source): LogicalPlan {
  if (operator.kind === 'scan') return { ...operator, source: map(operator.source) };
  if (operator.kind !== 'values' || operator.counts === undefined) return operator;
  return countsPlan(operator.schema, map(operator.counts));
}

/** The query over the tables of `catalog`, the parameters being `literals`. */
function fill(query: LogicalQuery, catalog: PlanCatalog, literals: readonly Literal[]): LogicalQuery {
  const tableOf = (source: Source): Source => {
    return source instanceof TableName ? present(catalog.table(source.name), 'a table that was there') : source;
  };
  const valueOf = (leaf: Expr): Expr => {
    if (leaf.kind !== 'literal' || leaf.place === undefined) return leaf;
    const { value } = present(literals[leaf.place.parameter], 'a value');
    return { kind: 'literal', value, type: leaf.type, nullable: leaf.nullable, span: leaf.span };
  };
  const filled = (operator: LogicalPlan): LogicalPlan => {
    if (operator.kind !== 'filter' && operator.kind !== 'project') return mapSource(operator, tableOf);
    return literals.length === 0 ? operator : mapExprs(operator, (expr) => mapLeaves(expr, valueOf));
  };
  const made = mapQuery(query, (plan) => mapPlan(plan, filled));
  return literals.length === 0 ? made : mapQuery(made, boundScans);
}

/** Operations that mean the same for all values of a parameter's type, and are of the same type. */
const COMPARISONS = new Set(['=', '<>', '<', '<=', '>', '>=', 'in', 'is_distinct_from', 'is_not_distinct_from']);
const LATE_OPERATIONS = new Set([...COMPARISONS, 'like', 'ilike', 'starts_with', '+', '-', '*']);

/** The parameters all of whose `places` may have another value in the plans of `query`. */
function lateParameters(query: LogicalQuery, places: readonly ParameterPlace[]): ReadonlySet<number> {
  const found = new Set<ParameterPlace>();
  for (const plan of [query.plan, ...query.shared.values()]) findPlaces(plan, found);
  const late = new Set(places.map(({ parameter }) => parameter));
  if (!hasBoundsOfFilters(query)) late.clear();
  for (const place of places) if (place.isFixed || !found.has(place)) late.delete(place.parameter);
  return late;
}

/** Adds the places in a plan to `found`, and fixes those that cannot be late. */
function findPlaces(plan: LogicalPlan, found: Set<ParameterPlace>): void {
  const isLate = plan.kind === 'filter' || plan.kind === 'project';
  forEachExpr(plan, (expr) =>
    findIn(expr, (place, call) => {
      if (isLate && call !== undefined && canBeLate(call)) found.add(place);
      else place.isFixed = true;
    }),
  );
  for (const input of inputsOf(plan)) findPlaces(input, found);
}

/** True when bounds of scans are made again wherever their filters get other values. */
function hasBoundsOfFilters({ plan, shared }: LogicalQuery): boolean {
  const holds = (operator: LogicalPlan, above?: LogicalPlan): boolean => {
    if (operator.kind === 'scan') return operator.bounds.length === 0 || above?.kind === 'filter';
    return inputsOf(operator).every((input) => holds(input, operator));
  };
  return holds(plan) && [...shared.values()].every((one) => holds(one));
}

type Call = Extract<Expr, { kind: 'call' }>;

/** Calls `visit` with each place in an expression, and the call that it is an operand of. */
function findIn(expr: Expr, visit: (place: ParameterPlace, call: Call | undefined) => void, call?: Call): void {
  if (expr.kind === 'literal' && expr.place !== undefined) visit(expr.place, call);
  if (expr.kind === 'cast') findIn(expr.operand, visit);
  if (expr.kind !== 'call') return;
  for (const arg of expr.args) findIn(arg, visit, expr);
  if (expr.lambda !== undefined) findIn(expr.lambda.body, (place) => visit(place, undefined));
}

/** Where the other operands were cast, a value may have been the reason: that may only have changed a comparison. */
function canBeLate(call: Call): boolean {
  if (!LATE_OPERATIONS.has(call.name)) return false;
  return COMPARISONS.has(call.name) || call.args.every(({ kind }) => kind !== 'cast');
}
