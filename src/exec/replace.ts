/**
 * Columns that get new values: in the form that their type has, and without NULL where none may be.
 *
 * Hides the encodings. Invariant: what is made has the field's own type.
 */
import type { Field } from '../arrow/schema.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { validityOf } from '../function/validity.ts';
import { DictionaryColumn } from './dictionary-column.ts';
import type { Replace } from './scatter.ts';
import { encodeRuns, scatter } from './scatter.ts';

/** How values are put into the column: plain ones, or encoded as it is. It may remember a dictionary between calls. */
export function replacerOf(field: Field): Replace {
  const { type } = field;
  if (type.id === 'dictionary') {
    const column = new DictionaryColumn(field.name, type);
    return (old, values, selected) => column.replace(old, values, selected);
  }
  if (type.id === 'run_end') {
    return (old, values, selected) => {
      return scatter(old, values.type.id === 'run_end' ? values : encodeRuns(type, values), selected);
    };
  }
  return scatter;
}

/** @throws `value_error` when a NULL stands in `values`, which a `statement` gives to a column that is NOT NULL */
export function refuseNulls(values: Vector, field: Field, table: string, statement: 'INSERT' | 'UPDATE'): void {
  const { nullCount } = validityOf(values);
  if (nullCount === 0) return;
  const rows = `${nullCount.toString()} row${nullCount === 1 ? '' : 's'} of one batch`;
  throw new EngineError(
    'value_error',
    `column "${field.name}" of table ${table} is NOT NULL, and the ${statement} makes it NULL in ${rows}; ` +
      'leave these rows out with WHERE, or give them a value with COALESCE',
  );
}
