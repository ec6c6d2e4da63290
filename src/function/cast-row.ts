/**
 * The frame of every cast that can fail: rows one by one, nulls skipped, failures refused or made null.
 *
 * Hides TRY_CAST. Invariant: a null row is never converted, so what lies in its slot cannot fail.
 */
import { EngineError } from '../base/errors.ts';
import { typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bitAt, validityFrom, validityOf, writableBits } from './validity.ts';
import type { Validity } from './validity.ts';

/** Which cast runs, and what a failed row does. */
export interface CastTask {
  readonly from: DataType;
  readonly to: DataType;
  readonly attempt: boolean;
}

/** The value shown in a message: not longer than a line. */
function shown(value: string): string {
  return value.length > 60 ? `${value.slice(0, 57)}...` : value;
}

/** The error of a value that does not convert. */
function castError(task: CastTask, value: string): EngineError {
  const quoted = task.from.id.includes('utf8') || task.from.id === 'dictionary' ? `'${shown(value)}'` : shown(value);
  const types = `from ${typeName(task.from)} to ${typeName(task.to)}`;
  return new EngineError('value_error', `cannot cast ${quoted} ${types}; TRY_CAST gives NULL for such values`);
}

/** Runs `convert` for each present row; it answers false when the row does not convert. `text` shows the row. */
export function castRows(
  task: CastTask,
  vector: Vector,
  rowCount: number,
  convert: (row: number) => boolean,
  text: (row: number) => string,
): Validity {
  const validity = validityOf(vector);
  let bits: Uint8Array | undefined;
  for (let i = 0; i < rowCount; i++) {
    if (validity.bits !== undefined && !bitAt(validity.bits, i)) continue;
    if (convert(i)) continue;
    if (!task.attempt) throw castError(task, text(i));
    bits ??= writableBits(validity, rowCount);
    bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
  }
  return bits === undefined ? validity : validityFrom(bits, rowCount);
}
