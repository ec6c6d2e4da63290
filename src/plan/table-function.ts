/**
 * Functions in FROM: range and generate_series.
 *
 * Hides that rows are made when they are asked for. Invariant: nothing is held; the number of rows is known before.
 */
import { buildVector } from '../arrow/build.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { ScanRequest, Source } from '../arrow/source.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import { EngineError } from '../base/errors.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import type { ExprNode, TableFunction } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { bindConstant } from './bind-constant.ts';
import { castLiteral, INT64 } from './constant.ts';
import type { LogicalPlan } from './logical.ts';
import { scanAll } from './logical.ts';

/** Numbers from `start`, `count` of them, `step` apart. */
interface Range {
  readonly start: bigint;
  readonly step: bigint;
  readonly count: number;
}

/**
 * Binds one of constant whole numbers, and says the name that its rows go by; undefined for other arguments, of which a
 * list can be made. @throws `sql_bind`, `sql_unsupported`
 */
export function bindTableFunction(
  sql: string,
  node: TableFunction,
): { readonly plan: LogicalPlan; readonly name: string } | undefined {
  const name = node.name.name.toLowerCase();
  if (name !== 'range' && name !== 'generate_series') {
    const message = `the table function ${quoteText(node.name.name)} is not supported yet`;
    throw sqlError('sql_unsupported', sql, node.name.span, message, 'range and generate_series are');
  }
  const numbers = node.args.map((arg) => wholeNumber(sql, arg, node.name.name));
  if (!numbers.every((number) => number !== undefined)) return undefined;
  const range = rangeOf(sql, node, numbers, name === 'generate_series');
  const schema = makeSchema([makeField(name, INT64, false)]);
  const source = rangeSource(range, schema);
  return { plan: scanAll(name, source), name };
}

function wholeNumber(sql: string, arg: ExprNode, what: string): bigint | undefined {
  try {
    const literal = bindConstant(sql, arg, what);
    const whole = literal.type.id === 'int' ? castLiteral(literal, INT64) : undefined;
    return typeof whole?.value === 'bigint' ? whole.value : undefined;
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

function rangeOf(sql: string, node: TableFunction, args: readonly bigint[], inclusive: boolean): Range {
  const [first, second, third] = args;
  if (first === undefined || args.length > 3) {
    throw sqlError('sql_bind', sql, node.span, `${node.name.name} takes one to three numbers`, 'start, stop, step');
  }
  const [start, stop, step] = second === undefined ? [0n, first, 1n] : [first, second, third ?? 1n];
  if (step === 0n) throw sqlError('sql_bind', sql, node.span, `the step of ${node.name.name} is 0`);
  const distance = step > 0n ? stop - start : start - stop;
  const size = step > 0n ? step : -step;
  const count = distance < 0n ? 0n : inclusive ? distance / size + 1n : (distance + size - 1n) / size;
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw sqlError('sql_bind', sql, node.span, `${node.name.name} makes more rows than can be counted`);
  }
  return { start, step, count: Number(count) };
}

function rangeSource({ start, step, count }: Range, schema: Source['schema']): Source {
  async function* scan({ columns, limit }: ScanRequest): AsyncGenerator<RecordBatch> {
    const end = Math.min(count, limit ?? count);
    for (let from = 0; from < end; from += BATCH_ROWS_MAX) {
      const rowCount = Math.min(BATCH_ROWS_MAX, end - from);
      const numbers = (): bigint[] => Array.from({ length: rowCount }, (_, i) => start + step * BigInt(from + i));
      const vectors = columns.map(() => buildVector(INT64, numbers()));
      yield await Promise.resolve({ schema, rowCount, columns: vectors });
    }
  }
  const total = Math.ceil(count / BATCH_ROWS_MAX);
  return { schema, rowCount: count, scan, countBatches: () => Promise.resolve({ pruned: 0, total }) };
}
