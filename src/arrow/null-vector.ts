/**
 * Vectors without values: every row null, for columns that a stream leaves out.
 *
 * Hides the layouts. Invariant: the vector is valid for its type as pyarrow's full validation sees it; where a type
 * cannot say null itself (union, run-end, children that are not nullable under a null parent), the nearest thing
 * beneath it does.
 */
import type { Field } from './schema.ts';
import { TYPE_TABLE, childFields } from './type.ts';
import type { BufferKind, DataType } from './type.ts';
import type { Vector } from './vector.ts';

/** A vector of `length` nulls. Cost: the zeroed buffers. */
export function nullVector(type: DataType, length: number): Vector {
  return blankVector(type, length, true);
}

/** All rows null if `nullable`, else all rows the type's zero value. */
function blankVector(type: DataType, length: number, nullable: boolean): Vector {
  const kinds = TYPE_TABLE[type.id].buffers(type);
  const hasValidity = kinds[0] === 'validity';
  return {
    type,
    length,
    nullCount: type.id === 'null' || (hasValidity && nullable) ? length : 0,
    buffers: kinds.map((kind) => blankBuffer(kind, type, length, nullable)),
    children: childFields(type).map((field, i) => blankChild(type, field, i, length)),
    dictionary: type.id === 'dictionary' ? blankVector(type.value, nullable ? 0 : 1, true) : undefined,
  };
}

function blankBuffer(kind: BufferKind, type: DataType, length: number, nullable: boolean): Uint8Array {
  switch (kind) {
    case 'validity':
      return new Uint8Array(nullable ? Math.ceil(length / 8) : 0);
    case 'bits':
      return new Uint8Array(Math.ceil(length / 8));
    case 'data':
      return new Uint8Array(length * TYPE_TABLE[type.id].byteWidth(type));
    case 'offsets32':
      return new Uint8Array((length + 1) * 4);
    case 'offsets64':
      return new Uint8Array((length + 1) * 8);
    case 'views':
      return new Uint8Array(length * 16);
    case 'starts32':
    case 'sizes32':
      return new Uint8Array(length * 4);
    case 'starts64':
    case 'sizes64':
      return new Uint8Array(length * 8);
    case 'bytes':
      return new Uint8Array(0);
    case 'typeIds':
      return new Uint8Array(length).fill(type.id === 'union' ? (type.typeIds[0] ?? 0) : 0);
  }
}

function blankChild(type: DataType, field: Field, index: number, length: number): Vector {
  const childType = field.type;
  switch (type.id) {
    case 'fixed_list':
      return blankVector(childType, length * type.listSize, field.nullable);
    case 'struct':
      return blankVector(childType, length, field.nullable);
    case 'union':
      // A dense union points every row at the first row of its first child.
      return blankVector(
        childType,
        type.mode === 'sparse' ? length : index === 0 && length > 0 ? 1 : 0,
        field.nullable,
      );
    case 'run_end':
      return index === 0 ? runEnd(childType, length) : blankVector(childType, length > 0 ? 1 : 0, field.nullable);
    default:
      return blankVector(childType, 0, field.nullable);
  }
}

/** One run that spans all rows; none when there are no rows. */
function runEnd(type: DataType, length: number): Vector {
  const rows = length > 0 ? 1 : 0;
  const width = TYPE_TABLE[type.id].byteWidth(type);
  const bytes = new Uint8Array(rows * width);
  const view = new DataView(bytes.buffer);
  if (rows === 1 && width === 2) view.setInt16(0, length, true);
  if (rows === 1 && width === 4) view.setInt32(0, length, true);
  if (rows === 1 && width === 8) view.setBigInt64(0, BigInt(length), true);
  return {
    type,
    length: rows,
    nullCount: 0,
    buffers: [new Uint8Array(0), bytes],
    children: [],
    dictionary: undefined,
  };
}
