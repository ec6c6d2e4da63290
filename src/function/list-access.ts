/**
 * Parts of lists: one value, a slice, the length; of texts, whose parts are characters, too.
 *
 * Hides how places are counted. Invariants: places count from 1, negative ones from the end; outside there is NULL of a
 * list and nothing of a text; a bound of a slice that is not written comes as an empty list.
 */
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowBytes } from './byte-rows.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { gather, gatherOrNull, NO_ROW } from './gather.ts';
import { elementType, indexParameter, nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { listRowsOf, makeList, offsetsOf } from './list-rows.ts';
import { listOf } from './nested-type.ts';
import { mapValueKernel, resolveMapKey } from './map-access.ts';
import { integersOf, numberRows, rowError, textRows } from './scalar-frame.ts';
import { familyOf, flatType, INT64, isPlainText, UTF8 } from './signature.ts';
import { fieldKernel, resolveField } from './struct-field.ts';
import { charactersOf } from './text-slice.ts';
import { bitAt, mergeValidity } from './validity.ts';

const NULL: DataType = { id: 'null' };

const listItemKernel: Kernel = (args, rowCount) => {
  const { starts, ends, values } = listRowsOf(args[0] as Vector);
  const places = integersOf(args[1] as Vector);
  const { bits } = mergeValidity(args, rowCount);
  const rows = new Uint32Array(rowCount).fill(NO_ROW);
  for (let i = 0; i < rowCount; i++) {
    if (bits !== undefined && !bitAt(bits, i)) continue;
    const [start, end, place] = [starts[i] as number, ends[i] as number, places[i] as number];
    const at = place > 0 ? start + place - 1 : end + place;
    if (place !== 0 && at >= start && at < end) rows[i] = at;
  }
  return gatherOrNull(values, rows);
};

const characterKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  const places = integersOf(args[1] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    const units = charactersOf(bytes);
    const place = places[i] as number;
    const at = place > 0 ? place - 1 : units.count + place;
    if (place !== 0 && at >= 0 && at < units.count) out.append(bytes, units.at(at), units.at(at + 1));
  });
};

function resolveItem(
  [given, index, ...more]: readonly DataType[],
  known: readonly KnownArgument[],
): Shape | undefined {
  if (given === undefined || index === undefined || more.length > 0) return undefined;
  const type = flatType(given);
  if (type.id === 'struct') return resolveField(type, index, known[1]);
  if (type.id === 'map') return resolveMapKey(type, index, known[1]);
  const place = indexParameter(index, known[1]);
  if (place === undefined) return undefined;
  if (type.id === 'null') return { parameters: [NULL, place], type: NULL };
  if (isPlainText(type)) return { parameters: [type, place], type: UTF8 };
  const element = elementType(type);
  return element === undefined ? undefined : { parameters: [type, place], type: element };
}

function itemKernel([type = NULL]: readonly DataType[]): Kernel {
  if (type.id === 'struct') return fieldKernel;
  if (type.id === 'map') return mapValueKernel;
  if (type.id === 'null') return (_args, rowCount) => nullVector(NULL, rowCount);
  return familyOf(type) === 'text' ? characterKernel : listItemKernel;
}

/** Bounds of slices; undefined where they are open. */
interface Bounds {
  readonly from: Float64Array | undefined;
  readonly to: Float64Array | undefined;
  readonly step: Float64Array | undefined;
}

function boundsOf([, from, to, step]: readonly Vector[]): Bounds {
  const read = (vector: Vector | undefined): Float64Array | undefined => {
    return vector === undefined || vector.type.id === 'list' ? undefined : integersOf(vector);
  };
  return { from: read(from), to: read(to), step: read(step) };
}

/** First and last place of a slice of `count` values, from 0; empty when there is none between. */
function sliceOf(bounds: Bounds, row: number, count: number): { first: number; last: number; step: number } {
  const step = bounds.step?.[row] ?? 1;
  if (step === 0) throw rowError('the step of a slice cannot be 0');
  const placed = (place: number): number => (place < 0 ? count + place : place - 1);
  const from = bounds.from?.[row];
  const to = bounds.to?.[row];
  if (step > 0) {
    const first = from === undefined ? 0 : Math.max(0, placed(from));
    const last = to === undefined ? count - 1 : Math.min(count - 1, placed(to));
    return { first, last, step };
  }
  const first = from === undefined ? count - 1 : Math.min(count - 1, placed(from));
  const last = to === undefined ? 0 : Math.max(0, placed(to));
  return { first, last, step };
}

/** Rows of which no written bound is null. */
function sliceArgs(args: readonly Vector[]): readonly Vector[] {
  return args.filter((arg, i) => i === 0 || arg.type.id !== 'list');
}

const listSliceKernel: Kernel = (args, rowCount, type) => {
  const { starts, ends, values } = listRowsOf(args[0] as Vector);
  const bounds = boundsOf(args);
  const validity = mergeValidity(sliceArgs(args), rowCount);
  const sizes = new Uint32Array(rowCount);
  const firsts = new Float64Array(rowCount);
  const steps = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (validity.bits !== undefined && !bitAt(validity.bits, i)) continue;
    const start = starts[i] as number;
    const { first, last, step } = sliceOf(bounds, i, (ends[i] as number) - start);
    sizes[i] = Math.max(0, Math.floor((last - first) / step) + 1);
    firsts[i] = start + first;
    steps[i] = step;
  }
  const offsets = offsetsOf(sizes);
  const rows = new Uint32Array(offsets[rowCount] as number);
  for (let i = 0, at = 0; i < rowCount; i++) {
    const [first, step] = [firsts[i] as number, steps[i] as number];
    for (let k = 0; k < (sizes[i] as number); k++) rows[at++] = first + k * step;
  }
  return makeList(type, offsets, gather(values, rows), validity);
};

const textSliceKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  const bounds = boundsOf(args);
  return textRows(sliceArgs(args), rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    const units = charactersOf(bytes);
    const { first, last } = sliceOf(bounds, i, units.count);
    if (first <= last) out.append(bytes, units.at(first), units.at(last + 1));
  });
};

function resolveSlice(args: readonly DataType[], known: readonly KnownArgument[]): Shape | undefined {
  const [given, ...bounds] = args;
  if (given === undefined || bounds.length < 2 || bounds.length > 3) return undefined;
  const places = bounds.map((bound, i) => (bound.id === 'list' ? bound : indexParameter(bound, known[i + 1])));
  if (!places.every((place) => place !== undefined)) return undefined;
  const type = flatType(given);
  if (type.id === 'null') return { parameters: [NULL, ...places], type: NULL };
  // Of texts there are no steps.
  if (isPlainText(type)) return bounds.length > 2 ? undefined : { parameters: [type, ...places], type: UTF8 };
  const element = elementType(type);
  return element === undefined ? undefined : { parameters: [type, ...places], type: listOf(element) };
}

function sliceKernel([type = NULL]: readonly DataType[]): Kernel {
  if (type.id === 'null') return (_args, rowCount) => nullVector(NULL, rowCount);
  return familyOf(type) === 'text' ? textSliceKernel : listSliceKernel;
}

const lengthKernel: Kernel = (args, rowCount, type) => {
  const { starts, ends } = listRowsOf(args[0] as Vector);
  return numberRows(args.slice(0, 1), rowCount, type, (i) => (ends[i] as number) - (starts[i] as number));
};

/** length and len of lists. */
export const LIST_LENGTH: FunctionEntry = nestedEntry({
  name: 'array_length',
  expects: '(list) or (list, 1)',
  doc: 'The number of values in the list.',
  example: 'array_length([1, NULL]) → 2',
  resolve: ([list, dimension, ...more], known) => {
    const isFirst = dimension === undefined || Number(known[1]?.value) === 1;
    if (list === undefined || elementType(list) === undefined || more.length > 0 || !isFirst) return undefined;
    const type = list.id === 'null' ? listOf(NULL) : flatType(list);
    return { parameters: dimension === undefined ? [type] : [type, INT64], type: INT64, canMakeNull: false };
  },
  kernel: lengthKernel,
});

/** The entries of this family. */
export const LIST_ACCESS: readonly FunctionEntry[] = [
  nestedEntry({
    name: 'array_extract',
    aliases: ['list_extract', 'list_element'],
    expects: '(list, integer), (text, integer), (struct, name) or (map, key)',
    doc: 'The value at a place, counted from 1 or backwards from -1, or under a name or key; also as `x[i]`.',
    example: 'array_extract([5, 6, 7], -1) → 7',
    resolve: resolveItem,
    kernel: itemKernel,
    makes: true,
  }),
  nestedEntry({
    name: 'array_slice',
    aliases: ['list_slice'],
    expects: '(list, integer, integer), (list, integer, integer, integer) or (text, integer, integer)',
    doc: 'The values from one place to another, both included, in steps; also as `x[from:to:step]`.',
    example: 'array_slice([1, 2, 3, 4], 2, -1) → [2, 3, 4]',
    fails: true,
    resolve: resolveSlice,
    kernel: sliceKernel,
    makes: true,
  }),
  LIST_LENGTH,
];
