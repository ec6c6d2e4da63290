/**
 * list and string_agg: all values of a group in one.
 *
 * Hides offsets. Invariants: values keep the order in which they come; a group without values is null, and not an
 * empty list or text.
 */
import { EngineError } from '../base/errors.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, encodeText } from './byte-rows.ts';
import { bytesOf } from './column.ts';
import { constantText } from './constant.ts';
import type { ConstantValue } from './constant.ts';
import type { GroupedValues } from './contract.ts';
import { flagBits } from './group-state.ts';
import { UTF8 } from './signature.ts';
import { validityFrom } from './validity.ts';
import type { Validity } from './validity.ts';

const INT32_MAX = 0x7fffffff;

/** Which groups have values. */
export function groupValidity({ starts, groupCount }: GroupedValues): Validity {
  const flags = new Uint8Array(groupCount);
  for (let g = 0; g < groupCount; g++) flags[g] = (starts[g + 1] as number) > (starts[g] as number) ? 1 : 0;
  return validityFrom(flagBits(flags, groupCount), groupCount);
}

/** The groups' values as lists, or as maps when they are entries. */
export function listVector(type: DataType, grouped: GroupedValues): Vector {
  const { values, starts, groupCount } = grouped;
  const { bits, nullCount } = groupValidity(grouped);
  return {
    type,
    length: groupCount,
    nullCount,
    buffers: [bits ?? new Uint8Array(0), bytesOf(Int32Array.from(starts))],
    children: [values],
    dictionary: undefined,
  };
}

/** The texts of each group with `separator` between them; a null separator makes null. */
export function joinTexts(grouped: GroupedValues, separator: ConstantValue): Vector {
  const { values, starts, groupCount } = grouped;
  if (separator === null) return nullVector(UTF8, groupCount);
  const between = encodeText(constantText(separator));
  const rows = byteRowsOf(values);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += (rows.ends[i] as number) - (rows.starts[i] as number);
  total += values.length * between.length;
  if (total > INT32_MAX) {
    throw new EngineError('limit_exceeded', 'string_agg makes more than 2 GiB of text; join fewer rows');
  }
  const builder = new ByteRowsBuilder(groupCount, total);
  for (let g = 0; g < groupCount; g++) {
    const start = starts[g] as number;
    const end = starts[g + 1] as number;
    for (let i = start; i < end; i++) {
      if (i > start) builder.append(between, 0, between.length);
      const buffer = rows.buffers[rows.which === undefined ? 0 : (rows.which[i] as number)] as Uint8Array;
      builder.append(buffer, rows.starts[i] as number, rows.ends[i] as number);
    }
    builder.endRow();
  }
  return builder.finish(UTF8, groupValidity(grouped));
}
