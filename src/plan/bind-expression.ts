/**
 * Expressions: from names to column indexes, from syntax to typed calls.
 *
 * Hides aliases and where aggregates stand while binding. Invariants: within a binder that collects aggregates, an
 * aggregate is a column with the negative index -1 - k, k being its place in the list; bind-select replaces these
 * before anything else sees them.
 */
import { unreachable } from '../base/assert.ts';

import { SQL_DEPTH_MAX, SQL_NODES_MAX } from '../base/limits.ts';
import { foldName } from '../base/names.ts';
import type { ColumnName, ExprNode, FunctionCall } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { aggregateName, bindAggregateCall, isOfOuter, misplacedAggregate } from './bind-aggregate.ts';
import {
  adaptAmong,
  meetingArgs,
  castTo,
  comparable,
  makeArithmetic,
  makeCall,
  makeComparison,
  readText,
  toCondition,
  withDigits,
} from './coerce.ts';
import { targetOf } from './adapt.ts';
import type { SubqueryBinding, SubqueryNode } from './bind-subquery.ts';
import { bindSubquery } from './bind-subquery.ts';
import type { NameResolver } from './binding.ts';
import { OuterColumns } from './binding.ts';
import { windowFunctionOf } from '../function/registry.ts';
import { bindWindowCall } from './bind-window.ts';
import { filled } from './window-fill.ts';
import { bindInterval, momentLiteral } from './bind-time.ts';
import { bindLambdaCall, lambdaFunction, onceFor } from './bind-lambda.ts';
import type { LambdaFrame, LambdaKind } from './bind-lambda.ts';
import { bindField, bindNested, resolveIn, resolveRow } from './bind-nested.ts';
import { bindWritten } from './bind-pattern.ts';
import type { Alias, Clause } from './clause.ts';
import { BOOL, INT64, makeLiteral, numberLiteral } from './constant.ts';
import type { AggregateCall, Expr } from './expr.ts';
import { columnOf, hasLeaf } from './expr-walk.ts';
import { bindParameter } from './parameter.ts';
import { rankedCall } from './ranked-aggregate.ts';
import type { Scope } from './scope.ts';
import { arrowTypeOf } from './sql-type.ts';
import { fieldsOf, isStructList, isUnnest, readUnnest, unnestCall } from './unnest.ts';

/** Clauses whose expressions may hold unnest. */
const UNNESTING = new Set(['the SELECT list', 'ORDER BY', 'GROUP BY']);
const COMPARISONS = new Set(['=', '!=', '<', '<=', '>', '>=']);
/** Operators that the registry knows by another name; `~` is a prefix there. */
const OPERATOR_NAMES: Readonly<Record<string, string>> = { '!=': '<>', '~': 'regexp_matches' };
/** The functions of LIKE and its kin. */
const PATTERNS = { like: 'like', ilike: 'ilike', similar: 'regexp_full_match', glob: 'glob' } as const;
/** Functions whose result keeps so many digits after the point as a constant second argument says. */
const ROUNDING = new Set(['round', 'round_even', 'roundbankers', 'trunc']);

/** The name of GROUPING's calls among the aggregates. */
export const GROUPING = 'grouping';
const GROUPINGS = new Set([GROUPING, 'grouping_id']);

/** What expressions may read beside the rows of their query. */
interface Around {
  /** Columns of the query around theirs; undefined where there is none. */
  readonly outer: OuterColumns | undefined;
  /** How queries within them are bound; undefined where none may stand. */
  readonly subqueries: SubqueryBinding | undefined;
}

const NOTHING_AROUND: Around = { outer: undefined, subqueries: undefined };

/** Binds the expressions of one query. */
export class ExpressionBinder {
  readonly #sql: string;
  readonly #scope: Scope;
  readonly #aliases: ReadonlyMap<string, Alias>;
  readonly #around: Around;
  /** The lambdas whose bodies are being bound, innermost last. */
  readonly #lambdas: LambdaFrame[] = [];
  #nodes = 0;
  #depth = 0;

  constructor(sql: string, scope: Scope, aliases: ReadonlyMap<string, Alias>, around: Around = NOTHING_AROUND) {
    this.#sql = sql;
    this.#scope = scope;
    this.#aliases = aliases;
    this.#around = around;
  }

  /** Binds `node` as it stands in `clause`. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
  bind(node: ExprNode, clause: Clause): Expr {
    this.#nodes++;
    // Aliases of aliases can make a small text deep or huge; the parser saw only the text.
    if (this.#nodes > SQL_NODES_MAX || this.#depth > SQL_DEPTH_MAX + 8) {
      throw sqlError(
        'limit_exceeded',
        this.#sql,
        node.span,
        'the expression is too large once its aliases are written out',
      );
    }
    this.#depth++;
    const bound = this.#bindNode(node, clause);
    this.#depth--;
    return bound;
  }

  #bindNode(node: ExprNode, clause: Clause): Expr {
    switch (node.kind) {
      case 'column_name':
        return this.#bindName(node, clause);
      case 'function_call':
        return this.#bindFunction(node, clause);
      case 'star':
        throw sqlError('sql_bind', this.#sql, node.span, '* can only stand alone in a SELECT list or in count(*)');
      case 'columns':
        throw sqlError('sql_bind', this.#sql, node.span, `COLUMNS cannot stand in ${clause.name}`);
      case 'position': {
        const { index, field } = this.#scope.at(node.place, node.all, node.span);
        return columnOf(index, field, node.span);
      }
      case 'parameter':
        return bindParameter(this.#sql, node);
      case 'number':
        return numberLiteral(node.text, node.span);
      case 'string':
        return makeLiteral(node.value, { id: 'utf8' }, node.span);
      case 'bytes':
        return makeLiteral(new Uint8Array(Buffer.from(node.digits, 'hex')), { id: 'binary' }, node.span);
      case 'boolean':
        return makeLiteral(node.value, BOOL, node.span);
      case 'null':
        return makeLiteral(null, { id: 'null' }, node.span);
      default:
        return this.#bindOperation(node, clause);
    }
  }

  #bindOperation(node: Exclude<ExprNode, { kind: LeafKind }>, clause: Clause): Expr {
    switch (node.kind) {
      case 'unary': {
        const operand = this.bind(node.operand, clause);
        const arg = node.operator === 'not' ? toCondition(this.#sql, operand, 'the operand of NOT') : operand;
        return makeCall(this.#sql, node.operator, [arg], node.span);
      }
      case 'binary':
        return this.#bindBinary(node, clause);
      case 'logical': {
        const what = `an operand of ${node.operator.toUpperCase()}`;
        const args = node.operands.map((operand) => toCondition(this.#sql, this.bind(operand, clause), what));
        return makeCall(this.#sql, node.operator, args, node.span);
      }
      case 'is': {
        const operand = this.bind(node.operand, clause);
        const arg =
          node.test === 'null'
            ? operand
            : toCondition(this.#sql, operand, `the operand of IS ${node.test.toUpperCase()}`);
        return makeCall(this.#sql, `is_${node.negated ? 'not_' : ''}${node.test}`, [arg], node.span);
      }
      case 'distinct_from': {
        const [left, right] = [this.bind(node.left, clause), this.bind(node.right, clause)];
        const args = [comparable(this.#sql, left, right), comparable(this.#sql, right, left)];
        return makeCall(this.#sql, node.negated ? 'is_not_distinct_from' : 'is_distinct_from', args, node.span);
      }
      case 'between': {
        const range = (operand: Expr): Expr => {
          const low = makeComparison(this.#sql, '>=', operand, this.bind(node.low, clause), node.span);
          const high = makeComparison(this.#sql, '<=', operand, this.bind(node.high, clause), node.span);
          return makeCall(this.#sql, 'and', [low, high], node.span);
        };
        return this.#denyIf(node.negated, onceFor(this.bind(node.operand, clause), range, node.span));
      }
      case 'in':
        return this.#bindIn(node, clause);
      case 'like': {
        const written = [node.operand, node.pattern, ...(node.escape === undefined ? [] : [node.escape])];
        const args = written.map((operand) => this.bind(operand, clause));
        const name = PATTERNS[node.operator] + (node.escape === undefined ? '' : '_escape');
        return this.#denyIf(node.negated, makeCall(this.#sql, name, args, node.span));
      }
      case 'case':
        return this.#bindCase(node, clause);
      case 'cast':
        return this.#bindCast(node, clause);
      case 'scalar_query':
      case 'array_query':
      case 'exists':
      case 'in_query':
      case 'quantified':
        return this.#bindSubquery(node, clause);
      case 'row':
      case 'array':
      case 'subscript':
      case 'slice':
      case 'field':
      case 'named_argument':
      case 'lambda':
        return bindNested(this.#sql, node, (part) => this.bind(part, clause));
      case 'interval':
        return bindInterval(this.#sql, node.unit, this.bind(node.value, clause), node.span);
      case 'moment':
        return this.#bindMoment(node, clause);
      default:
        return unreachable(node);
    }
  }

  #bindSubquery(node: SubqueryNode, clause: Clause): Expr {
    const { subqueries } = this.#around;
    if (this.#lambdas.length > 0) {
      throw sqlError('sql_unsupported', this.#sql, node.span, `a subquery in ${clause.name} is not supported yet`);
    }
    const outer = new OuterColumns(this.#resolverIn(clause), this.#around.outer);
    if (subqueries !== undefined) {
      return bindSubquery(outer, subqueries, node, (operand) => this.bind(operand, clause));
    }
    throw sqlError('sql_unsupported', this.#sql, node.span, `a subquery in ${clause.name} is not supported yet`);
  }

  #denyIf(negated: boolean, expr: Expr): Expr {
    return negated ? makeCall(this.#sql, 'not', [expr], expr.span) : expr;
  }

  /** What `bind` gives outside of the innermost lambda, as its body reads it. */
  #outside(bind: () => Expr): Expr {
    const frame = this.#lambdas.pop();
    const bound = bind();
    if (frame === undefined) return bound;
    this.#lambdas.push(frame);
    return frame.read(bound);
  }

  /** A parameter of a lambda or what is around it; names behind it are fields of its value. */
  #bindName(node: ColumnName, clause: Clause): Expr {
    const [first, ...fields] = node.path;
    const parameter = first === undefined ? undefined : this.#lambdas.at(-1)?.parameter(first);
    if (parameter !== undefined) {
      return fields.reduce((operand, name) => bindField(this.#sql, operand, name), parameter);
    }
    if (this.#lambdas.length > 0) return this.#outside(() => this.#bindName(node, clause));
    return this.#bindColumn(node, clause);
  }

  /** A column of the table, else what an alias stands for; names behind it are fields of its value. */
  #bindColumn(node: ColumnName, clause: Clause): Expr {
    const found = resolveIn(this.#sql, this.#scope, node);
    if (found !== undefined) return found;
    const [first, ...fields] = node.path;
    const alias = this.#aliases.get(foldName(first?.name ?? ''));
    if (alias === undefined || alias.item >= clause.aliasesBefore) {
      const other = resolveRow(this.#sql, this.#scope, node) ?? this.#around.outer?.resolve(node);
      if (other !== undefined) return other;
      const inReach = [...this.#aliases.values()].filter((candidate) => candidate.item < clause.aliasesBefore);
      throw this.#scope.missing(
        node,
        inReach.map((candidate) => candidate.name),
      );
    }
    const bound = this.bind(alias.expr, { ...clause, aliasesBefore: alias.item });
    return fields.reduce((operand, name) => bindField(this.#sql, operand, name), { ...bound, span: node.span });
  }

  #bindBinary(node: Extract<ExprNode, { kind: 'binary' }>, clause: Clause): Expr {
    const left = this.bind(node.left, clause);
    const right = this.bind(node.right, clause);
    const name = OPERATOR_NAMES[node.operator] ?? node.operator;
    if (COMPARISONS.has(node.operator)) return makeComparison(this.#sql, name, left, right, node.span);
    return makeArithmetic(this.#sql, name, left, right, node.span);
  }

  #bindIn(node: Extract<ExprNode, { kind: 'in' }>, clause: Clause): Expr {
    const operand = this.bind(node.operand, clause);
    if (node.items.length === 0) return makeLiteral(node.negated, BOOL, node.span);
    const items = node.items.map((item) => comparable(this.#sql, this.bind(item, clause), operand));
    const [only] = items;
    if (items.length === 1 && only !== undefined) {
      return makeComparison(this.#sql, node.negated ? '<>' : '=', operand, only, node.span);
    }
    return this.#denyIf(node.negated, makeCall(this.#sql, 'in', [operand, ...items], node.span));
  }

  #bindCase(node: Extract<ExprNode, { kind: 'case' }>, clause: Clause): Expr {
    const operand = node.operand === undefined ? undefined : this.bind(node.operand, clause);
    const args: Expr[] = [];
    for (const branch of node.branches) {
      const condition = this.bind(branch.condition, clause);
      args.push(
        operand === undefined
          ? toCondition(this.#sql, condition, 'a condition of CASE')
          : makeComparison(this.#sql, '=', operand, condition, branch.condition.span),
      );
      args.push(this.bind(branch.result, clause));
    }
    if (node.otherwise !== undefined) args.push(this.bind(node.otherwise, clause));
    const isValue = (i: number): boolean => i % 2 === 1 || i === args.length - 1;
    return makeCall(this.#sql, 'case', adaptAmong(args, isValue), node.span);
  }

  #bindCast(node: Extract<ExprNode, { kind: 'cast' }>, clause: Clause): Expr {
    const type = arrowTypeOf(this.#sql, node.type);
    const operand = this.bind(node.operand, clause);
    if (node.written === 'literal' && operand.kind === 'literal') {
      return { ...readText(this.#sql, operand, type), span: node.span };
    }
    return castTo(this.#sql, operand, type, node.attempt, node.span);
  }

  #bindFunction(node: FunctionCall, clause: Clause): Expr {
    const name = node.name.name.toLowerCase();
    const ranked = rankedCall(this.#sql, node);
    if (ranked !== undefined) return this.bind(ranked, clause);
    if (node.over !== undefined) return this.#outside(() => this.#bindWindow(node, name, clause));
    if (node.nulls !== undefined) {
      const message = `${node.nulls.toUpperCase()} NULLS belongs to window functions`;
      throw sqlError('sql_bind', this.#sql, node.span, message, 'add OVER (…)');
    }
    if (GROUPINGS.has(name)) return this.#bindGrouping(node, clause);
    const aggregate = aggregateName(this.#sql, node);
    if (aggregate !== undefined) return this.#outside(() => this.#bindAggregate(node, aggregate, clause));
    if (windowFunctionOf(name) !== undefined) {
      throw sqlError('sql_bind', this.#sql, node.span, `${name} is a window function`, 'add OVER (…)');
    }
    const mark = node.star ? '*' : node.distinct ? 'DISTINCT' : node.filter === undefined ? 'ORDER BY' : 'FILTER';
    if (mark !== 'ORDER BY' || node.orders.length > 0) {
      throw sqlError('sql_bind', this.#sql, node.span, `${mark} belongs to aggregates, and ${name} is none`);
    }
    if (name === 'if' && node.args.length === 3) return this.#bindIf(node, clause);
    const lambda = lambdaFunction(name);
    if (lambda !== undefined) return this.#bindLambda(node, lambda, clause);
    const names = node.args.map((arg) => (arg.kind === 'named_argument' ? arg.name.name : undefined));
    const args = node.args.map((arg) => this.bind(arg.kind === 'named_argument' ? arg.value : arg, clause));
    if (isUnnest(name)) return this.#bindUnnest(node, args, names, clause);
    const written = bindWritten(this.#sql, name, args, names, node.span);
    if (written !== undefined) return written;
    const call = makeCall(this.#sql, name, meetingArgs(name, args), node.span, names);
    return ROUNDING.has(name) ? withDigits(call, args) : call;
  }

  /** GROUPING stands among the aggregates, since it depends on the set that a group belongs to. */
  #bindGrouping(node: FunctionCall, clause: Clause): Expr {
    const { aggregates } = clause;
    if (aggregates === undefined) {
      throw sqlError('sql_bind', this.#sql, node.span, `GROUPING cannot stand in ${clause.name}`);
    }
    const args = node.args.map((arg) => this.bind(arg, { ...clause, aggregates: undefined }));
    const call: AggregateCall = {
      name: GROUPING,
      args,
      constants: [],
      distinct: false,
      filter: undefined,
      order: [],
      type: INT64,
      nullable: false,
      span: node.span,
    };
    const place = aggregates.placeOf(call);
    return { kind: 'column', index: -1 - place, name: GROUPING, type: INT64, nullable: false, span: node.span };
  }

  /** `if(condition, value, otherwise)` is a CASE. */
  #bindIf(node: FunctionCall, clause: Clause): Expr {
    const [condition, result, otherwise] = node.args as [ExprNode, ExprNode, ExprNode];
    const branches = [{ kind: 'when', condition, result, span: condition.span } as const];
    return this.#bindCase({ kind: 'case', operand: undefined, branches, otherwise, span: node.span }, clause);
  }

  #bindLambda(node: FunctionCall, kind: LambdaKind, clause: Clause): Expr {
    return bindLambdaCall(this.#sql, node, kind, {
      plain: (part) => this.bind(part, clause),
      within: (frame, body) => {
        this.#lambdas.push(frame);
        const name = kind === 'try' ? 'TRY' : 'a lambda';
        const bound = this.bind(body, { ...clause, name });
        this.#lambdas.pop();
        return bound;
      },
    });
  }

  /** A list that becomes rows, where an operator can make them. */
  #bindUnnest(
    node: FunctionCall,
    args: readonly Expr[],
    names: readonly (string | undefined)[],
    clause: Clause,
  ): Expr {
    if (!UNNESTING.has(clause.name)) {
      const remedy = 'write it in the SELECT list or in FROM';
      throw sqlError('sql_bind', this.#sql, node.span, `unnest cannot stand in ${clause.name}`, remedy);
    }
    const { list, deeper } = readUnnest(this.#sql, args, names, node.span);
    if (targetOf(list.type).id === 'struct' || (deeper > 0 && isStructList(list))) {
      const message = 'the columns of an unnested struct can only stand alone in the SELECT list';
      throw sqlError('sql_bind', this.#sql, node.span, message);
    }
    return unnestCall(list, node.span);
  }

  /** The columns of `unnest(struct)`, or of a list of structs that is opened to its end; undefined for all else. */
  bindOpened(node: ExprNode, clause: Clause): readonly (readonly [name: string, expr: Expr])[] | undefined {
    if (node.kind !== 'function_call' || !isUnnest(node.name.name.toLowerCase())) return undefined;
    const names = node.args.map((arg) => (arg.kind === 'named_argument' ? arg.name.name : undefined));
    const args = node.args.map((arg) => this.bind(arg.kind === 'named_argument' ? arg.value : arg, clause));
    const { list, deeper, keepsNames } = readUnnest(this.#sql, args, names, node.span);
    if (targetOf(list.type).id === 'struct') return fieldsOf(this.#sql, list, node.span, deeper, keepsNames);
    if (deeper < 1 || !isStructList(list)) return undefined;
    return fieldsOf(this.#sql, unnestCall(list, node.span), node.span, deeper - 1, keepsNames);
  }

  /** now() and its kin as literals; of bare words only those that are no column and no alias. */
  #bindMoment({ written, micros, span }: Extract<ExprNode, { kind: 'moment' }>, clause: Clause): Expr {
    if (written.kind === 'column_name') {
      const name = written.path[0]?.name ?? '';
      const alias = this.#aliases.get(foldName(name));
      const isAlias = alias !== undefined && alias.item < clause.aliasesBefore;
      if (isAlias || this.#scope.find(written) !== undefined) return this.#bindName(written, clause);
      return momentLiteral(makeCall(this.#sql, name, [], span), micros);
    }
    const name = written.name.name.toLowerCase();
    const args = written.args.map((arg) => this.bind(arg, clause));
    if (args.length === 0) return momentLiteral(makeCall(this.#sql, name, [], span), micros);
    const today = momentLiteral(makeCall(this.#sql, 'today', [], span), micros);
    return makeCall(this.#sql, name, [today, ...args], span);
  }

  /** A call over a window; aggregates may stand in it, and no other such call. */
  #bindWindow(node: FunctionCall, name: string, clause: Clause): Expr {
    const { windows } = clause;
    if (windows === undefined) {
      const filters = clause.name === 'WHERE' || clause.name === 'HAVING';
      const remedy = filters ? 'filter with QUALIFY' : 'compute it in a query in FROM';
      const message = `${name} over a window cannot stand in ${clause.name}`;
      throw sqlError('sql_bind', this.#sql, node.span, message, remedy);
    }
    const call = bindWindowCall(this.#sql, node, (inner, part) =>
      this.bind(inner, { ...clause, name: part, windows: undefined }),
    );
    const made = windows.add(call);
    const [value] = node.args;
    if (call.name !== 'fill' || value === undefined) return made;
    return filled(this.#sql, this.bind(value, { ...clause, windows: undefined }), made, node.span);
  }

  #bindAggregate(node: FunctionCall, name: string, clause: Clause): Expr {
    if (node.star && name !== 'count') {
      throw sqlError('sql_bind', this.#sql, node.span, `${name}(*) is not possible; only count takes *`);
    }
    const call = bindAggregateCall(this.#sql, node, name, (inner, part) =>
      this.bind(inner, { ...clause, name: part, aggregates: undefined, windows: undefined }),
    );
    return this.#placeAggregate(call, clause);
  }

  /** What stands for an aggregate of this query, or of one around it. */
  #placeAggregate(call: AggregateCall, clause: Clause): Expr {
    const { outer } = this.#around;
    if (outer !== undefined && isOfOuter(call)) return outer.aggregate(call);
    if (clause.aggregates === undefined) throw misplacedAggregate(this.#sql, call, clause.name);
    const { name, type, nullable, span } = call;
    return { kind: 'column', index: -1 - clause.aggregates.placeOf(call), name, type, nullable, span };
  }

  /** What a query in `clause` may read of this one: its columns, its aliases, its aggregates. */
  #resolverIn(clause: Clause): NameResolver {
    return {
      resolve: (node) => {
        const own = resolveIn(this.#sql, this.#scope, node) ?? this.#aliasIn(node, clause);
        return own ?? resolveRow(this.#sql, this.#scope, node) ?? this.#around.outer?.resolve(node);
      },
      aggregate: (call) => this.#placeAggregate(call, clause),
    };
  }

  /** What an alias stands for, unless that is made of subqueries, which have no place yet. */
  #aliasIn({ path }: ColumnName, clause: Clause): Expr | undefined {
    const alias = path.length === 1 ? this.#aliases.get(foldName(path[0]?.name ?? '')) : undefined;
    if (alias === undefined || alias.item >= clause.aliasesBefore) return undefined;
    const bound = this.bind(alias.expr, { ...clause, aliasesBefore: alias.item });
    return hasLeaf(bound, 'pending') ? undefined : bound;
  }
}

type LeafKind =
  | 'columns'
  | 'position'
  | 'column_name'
  | 'function_call'
  | 'star'
  | 'parameter'
  | 'number'
  | 'string'
  | 'bytes'
  | 'boolean'
  | 'null';
