/**
 * Casts: which kernel takes which pair of types.
 *
 * Hides the kernels of cast-*.ts. Invariants: every pair that `castKind` does not call 'none' has one; encodings are
 * taken off first; rows are cast one by one and independently.
 */
import { EngineError } from '../base/errors.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { numberCast } from './cast-number.ts';
import { binaryToText, bytesCast, fromTextCast, textToBinary, toTextCast } from './cast-text.ts';
import { temporalCast } from './cast-time.ts';
import type { CastTask } from './cast-row.ts';
import { nestedCast } from './cast-nested.ts';
import type { Kernel } from './contract.ts';
import { decodeVector } from './decode.ts';
import { spanCast, spanText, textToInterval } from './interval-cast.ts';
import { castKind, familyOf, isPlainText, valueType } from './signature.ts';
import type { Family } from './signature.ts';

const TEMPORAL: ReadonlySet<Family> = new Set<Family>(['date', 'time', 'timestamp', 'duration']);

/** The kernel of a cast; it takes one argument. @throws `sql_unsupported` when there is none */
export function makeCastKernel(from: DataType, to: DataType, attempt: boolean): Kernel {
  const kind = castKind(from, to);
  if (kind === 'same') return ([vector], _rowCount, type) => ({ ...(vector as Vector), type });
  if (kind === 'none') {
    throw new EngineError('sql_unsupported', `there is no cast from ${typeName(from)} to ${typeName(to)}`);
  }
  if (from.id === 'null') return (_args, rowCount, type) => nullVector(type, rowCount);
  if (!isPlainText(from) && valueType(from) !== from) {
    const rest = makeCastKernel(valueType(from), to, attempt);
    return ([vector], rowCount, type) => rest([decodeVector(vector as Vector)], rowCount, type);
  }
  return flatCast({ from, to, attempt });
}

function flatCast(task: CastTask): Kernel {
  const source = familyOf(task.from);
  const target = familyOf(task.to);
  if (source === 'nested' || target === 'nested') return nestedCast(task, makeCastKernel);
  if (source === 'text') {
    if (target === 'text') return bytesCast(task);
    if (target === 'interval') return textToInterval(task);
    return target === 'binary' ? textToBinary(task) : fromTextCast(task);
  }
  if (source === 'interval' || (source === 'duration' && target !== 'duration')) {
    return target === 'text' ? spanText : spanCast(task);
  }
  if (source === 'binary') return target === 'binary' ? bytesCast(task) : binaryToText;
  if (target === 'text') return toTextCast;
  return TEMPORAL.has(source) ? temporalCast(task) : numberCast(task);
}
