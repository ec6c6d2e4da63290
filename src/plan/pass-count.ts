/**
 * Pass `count_rows`: counting all rows of a table asks the catalog, not the rows.
 *
 * Hides nothing. Invariant: only counts that no row can change (count(*), or of a column that is never null),
 * without groups and over a scan without a filter.
 */
import type { Schema } from '../arrow/schema.ts';
import { makeSchema } from '../arrow/schema.ts';
import type { Source } from '../arrow/source.ts';
import { INT64 } from './constant.ts';
import type { LogicalPlan } from './logical.ts';
import { mapPlan } from './logical.ts';
import { int64Column } from './values.ts';

/** The whole plan, its plain counts answered. */
export function countRows(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, (operator) => {
    if (operator.kind !== 'aggregate' || operator.groups.length > 0 || operator.input.kind !== 'scan')
      return operator;
    const countsRows = operator.aggregates.every((call) => {
      return (
        call.name === 'count' &&
        !call.distinct &&
        call.filter === undefined &&
        call.args.every((arg) => !arg.nullable && (arg.kind === 'column' || arg.kind === 'literal'))
      );
    });
    if (!countsRows || operator.aggregates.length === 0) return operator;
    const schema = makeSchema(operator.schema.fields.map((field) => ({ ...field, type: INT64 })));
    return countsPlan(schema, operator.input.source);
  });
}

/** One row whose columns all say how many rows `source` has. */
export function countsPlan(schema: Schema, source: Source): LogicalPlan {
  const columns = schema.fields.map(() => int64Column([BigInt(source.rowCount)]));
  return { kind: 'values', schema, batches: [{ schema, rowCount: 1, columns }], counts: source };
}
