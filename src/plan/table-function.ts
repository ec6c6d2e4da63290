/**
 * Functions in FROM: unnest, range, generate_series and repeat.
 *
 * Hides that a range whose bounds are known makes its rows when they are asked for, and any other one is a list that is
 * unnested. Invariant: of a known range nothing is held, and the number of its rows is known before.
 */
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { TableFunction } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { ExpressionBinder } from './bind-expression.ts';
import type { Binding, CommonTables, OuterColumns } from './binding.ts';
import { makeCall } from './coerce.ts';
import type { Literal } from './constant.ts';
import type { Expr } from './expr.ts';
import type { LogicalPlan } from './logical.ts';
import { makeUnnest, oneRow, scanAll } from './logical.ts';
import { foldExpr } from './pass-fold.ts';
import { numberSource, rangeOf } from './range.ts';
import { Scope } from './scope.ts';
import { SubqueryList } from './subquery.ts';
import { isUnnest, readUnnest, unnestFields } from './unnest.ts';

/** The rows of a function, and the name that they go by. */
interface FunctionRows {
  readonly plan: LogicalPlan;
  readonly name: string;
}

/** Binds one; its arguments may read what `outer` has. @throws `sql_bind`, `sql_unsupported` */
export function bindTableFunction(
  binding: Binding,
  item: TableFunction,
  common: CommonTables,
  outer: OuterColumns | undefined,
): FunctionRows {
  return new FunctionBinder(binding, item, common, outer).bind();
}

class FunctionBinder {
  readonly #sql: string;
  readonly #item: TableFunction;
  readonly #subqueries: SubqueryList;
  readonly #binder: ExpressionBinder;

  constructor(binding: Binding, item: TableFunction, common: CommonTables, outer: OuterColumns | undefined) {
    this.#sql = binding.sql;
    this.#item = item;
    this.#subqueries = new SubqueryList(binding.sql, binding.shared);
    const subqueries = { binding, common, list: this.#subqueries };
    this.#binder = new ExpressionBinder(this.#sql, Scope.of(this.#sql, undefined), new Map(), { outer, subqueries });
  }

  bind(): FunctionRows {
    const { name } = this.#item.name;
    const folded = name.toLowerCase();
    if (isUnnest(folded)) return this.#unnest();
    switch (folded) {
      case 'range':
      case 'generate_series':
        return this.#range(folded);
      case 'repeat':
        return this.#repeat();
      default: {
        const message = `the table function ${quoteText(name)} is not supported yet`;
        const remedy = 'range, generate_series, repeat and unnest are';
        throw sqlError('sql_unsupported', this.#sql, this.#item.name.span, message, remedy);
      }
    }
  }

  /** The arguments, without the names that they are given by. */
  #args(): readonly Expr[] {
    const clause = { name: this.#item.name.name.toLowerCase(), aggregates: undefined, aliasesBefore: 0 };
    return this.#item.args.map((arg) => {
      return foldExpr(this.#binder.bind(arg.kind === 'named_argument' ? arg.value : arg, clause));
    });
  }

  /** Its column has the name of the alias unless it is given one. */
  #unnest(): FunctionRows {
    const { args, alias, span } = this.#item;
    const names = args.map((arg) => (arg.kind === 'named_argument' ? arg.name.name : undefined));
    const { list } = readUnnest(this.#sql, this.#args(), names, span);
    return this.#values(list, 'unnest', alias?.name ?? 'unnest');
  }

  /** The values of a list as rows. */
  #values(list: Expr, name: string, columnName: string): FunctionRows {
    const { ordinality } = this.#item;
    const { plan: input, exprs: lists } = this.#subqueries.place(oneRow(), [list]);
    const fields = unnestFields(list, columnName, ordinality);
    return { plan: makeUnnest({ input, columns: [], lists, ordinality, keepsEmpty: false }, fields), name };
  }

  #range(name: 'range' | 'generate_series'): FunctionRows {
    const args = this.#args();
    const { span, ordinality } = this.#item;
    const known = args.filter((arg): arg is Literal => arg.kind === 'literal');
    if (known.length < args.length || ordinality) {
      return this.#values(makeCall(this.#sql, name, args, span), name, name);
    }
    const range = rangeOf(this.#sql, name, known, span);
    const schema = makeSchema([makeField(name, range.type, false)]);
    return { plan: scanAll(name, numberSource(range, schema)), name };
  }

  /** `repeat(value, count)`. */
  #repeat(): FunctionRows {
    const [value, count, ...more] = this.#args();
    const { span } = this.#item;
    if (value?.kind !== 'literal' || count?.kind !== 'literal' || more.length > 0) {
      throw sqlError('sql_bind', this.#sql, span, 'repeat takes a value and how often, both known beforehand');
    }
    const range = rangeOf(this.#sql, 'repeat', [count], span);
    const input = scanAll('repeat', numberSource(range, makeSchema([makeField('repeat', range.type, false)])));
    const field = makeField('value', value.type, value.nullable);
    return { plan: { kind: 'project', schema: makeSchema([field]), input, exprs: [value] }, name: 'repeat' };
  }
}
