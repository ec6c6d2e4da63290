/**
 * Rows of several vectors of one type as one vector.
 *
 * Hides that parts are brought into canonical form, and that dictionaries are made one first. Invariants: rows keep
 * their order; the result has the parts' type. @see arrow/concat for what joining copies and shares.
 */
import { EngineError } from '../base/errors.ts';
import { joinVectors } from '../arrow/concat.ts';
import { dictionaryIndexMax, typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { typedView } from '../arrow/vector.ts';
import { indexesOf } from '../function/byte-rows.ts';
import { formOf } from '../function/column.ts';
import { ColumnKeys } from '../function/key-table.ts';
import { gather } from '../function/gather.ts';

/** The parts one after another; there must be one. @throws `limit_exceeded` when the type cannot hold the result */
export function joinParts(parts: readonly Vector[]): Vector {
  const [first] = parts;
  if (first === undefined) throw new TypeError('joinParts: no parts');
  if (parts.length === 1) return first;
  const shared = first.type.id === 'dictionary' ? withOneDictionary(parts, first.type) : parts;
  return joinVectors(shared);
}

/** The parts over one dictionary that holds each value once; the parts themselves when they share one already. */
function withOneDictionary(parts: readonly Vector[], type: DataType & { id: 'dictionary' }): readonly Vector[] {
  const dictionaries = [...new Set(parts.map((part) => part.dictionary as Vector))];
  if (dictionaries.length === 1 || formOf(type.value).kind === 'none') return parts;
  const keys = new ColumnKeys(type.value);
  const firsts: Vector[] = [];
  const renumbered = new Map<Vector, Uint32Array>();
  for (const dictionary of dictionaries) {
    const before = keys.count;
    const ids = keys.number(dictionary, dictionary.length);
    renumbered.set(dictionary, ids);
    const fresh: number[] = [];
    for (let i = 0, known = before; i < ids.length; i++) {
      if ((ids[i] as number) < known) continue;
      known++;
      fresh.push(i);
    }
    firsts.push(gather(dictionary, Uint32Array.from(fresh)));
  }
  const dictionary = joinParts(firsts);
  const most = dictionaryIndexMax(type);
  if (dictionary.length - 1 > most) {
    const count = dictionary.length.toString();
    throw new EngineError(
      'limit_exceeded',
      `${typeName(type)} cannot number ${count} distinct values; cast the column to text`,
    );
  }
  return parts.map((part) => reindexed(part, renumbered.get(part.dictionary as Vector) as Uint32Array, dictionary));
}

/** `part` with its indexes replaced by `ids` of them. */
function reindexed(part: Vector, ids: Uint32Array, dictionary: Vector): Vector {
  const indexes = indexesOf(part);
  const width = part.type.id === 'dictionary' ? part.type.index.bitWidth / 8 : 4;
  const bytes = new Uint8Array(part.length * width);
  const wide = width >= 4 ? typedView(Int32Array, bytes, (part.length * width) / 4) : undefined;
  const stride = width / 4;
  for (let i = 0; i < part.length; i++) {
    const id = ids[indexes[i] as number] ?? 0;
    if (wide !== undefined) wide[i * stride] = id;
    else for (let k = 0; k < width; k++) bytes[i * width + k] = (id >> (8 * k)) & 255;
  }
  return { ...part, buffers: [part.buffers[0] as Uint8Array, bytes], dictionary };
}
