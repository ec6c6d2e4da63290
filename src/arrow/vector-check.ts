/**
 * What the buffers of vectors from outside contain: offsets, text, indices, run ends, type ids, nulls.
 *
 * Runs once per batch, after vector-read has made sure that buffers are long enough, and before anybody else looks;
 * later readers check nothing. Hides nothing. Invariants: linear in the bytes; no per-row objects; fixed-width
 * columns cost nothing here. Slots that are null may hold anything but offsets, which must always be in order.
 * Source: Arrow columnar format, "Physical memory layout"; STORAGE.md 6 "Wire".
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { present } from '../base/assert.ts';
import { firstWideValue, integerWords, offsetWords, signedTextAt } from './offsets.ts';
import { fieldPath } from './schema.ts';
import type { Field } from './schema.ts';
import type { DataType } from './type.ts';
import { childFields, typeName } from './type.ts';
import { refuseField } from './vector-read.ts';
import type { Vector } from './vector.ts';
import { isPresent } from './vector.ts';
import { checkView } from './view-check.ts';
import type { Visible } from './visible.ts';
import { visibleChild } from './visible.ts';

type TypeOf<Id extends DataType['id']> = Extract<DataType, { id: Id }>;

/** Checks a column and everything below it. `visible` tells which slots a present ancestor shows; undefined: all. */
export function checkVector(field: Field, vector: Vector, path: string, visible: Visible): void {
  checkNulls(field, vector, path, visible);
  const { type } = field;
  switch (type.id) {
    case 'utf8':
    case 'large_utf8':
      return checkText(vector, path, checkOffsets(vector, path, type.id === 'large_utf8', bytesOf(vector, 2)));
    case 'binary':
    case 'large_binary':
      checkOffsets(vector, path, type.id === 'large_binary', bytesOf(vector, 2));
      return;
    case 'utf8_view':
    case 'binary_view':
      return checkView(vector, path, type.id === 'utf8_view');
    case 'dictionary':
      return checkIndices(field, type, vector, path);
    case 'list':
    case 'large_list':
    case 'map':
      checkOffsets(vector, path, type.id === 'large_list', child(vector, 0).length);
      break;
    case 'list_view':
    case 'large_list_view':
      checkListView(vector, path, type.id === 'large_list_view');
      break;
    case 'fixed_list':
      checkChildLength(path, child(vector, 0), vector.length * type.listSize, `${vector.length.toString()} lists`);
      break;
    case 'struct':
      for (const part of vector.children) checkChildLength(path, part, vector.length, 'its rows');
      break;
    case 'union':
      checkUnion(type, vector, path);
      break;
    case 'run_end':
      checkRunEnds(type, vector, path);
      break;
    default:
      return;
  }
  checkChildren(field, vector, path, visible);
}

function checkChildren(field: Field, vector: Vector, path: string, visible: Visible): void {
  childFields(field.type).forEach((inner, i) => {
    const part = child(vector, i);
    checkVector(inner, part, fieldPath(`${path}.`, inner.name, i), visibleChild(vector, i, visible));
  });
  if (field.type.id === 'map') checkMap(vector, path, visible);
}

function child(vector: Vector, index: number): Vector {
  return present(vector.children[index], 'a child vector');
}

function bufferOf(vector: Vector, index: number): Uint8Array {
  return present(vector.buffers[index], 'a buffer');
}

function bytesOf(vector: Vector, index: number): number {
  return bufferOf(vector, index).byteLength;
}

/** Refuses nulls in a field that is declared non-nullable, where they can be seen. */
function checkNulls(field: Field, vector: Vector, path: string, visible: Visible): void {
  if (field.nullable || vector.nullCount === 0) return;
  refuseVisibleNulls(vector, path, visible, 'the field is declared without nulls');
}

function refuseVisibleNulls(vector: Vector, path: string, visible: Visible, reason: string): void {
  if (vector.nullCount === 0) return;
  const shown = visible?.();
  for (let i = 0; i < vector.length; i++) {
    if (!isPresent(vector, i) && (shown === undefined || shown[i] === 1)) {
      refuseField(path, `row ${i.toString()} is null, but ${reason}`);
    }
  }
}

function checkChildLength(path: string, part: Vector, needed: number, who: string): void {
  if (part.length < needed) {
    refuseField(path, `a child of ${part.length.toString()} rows, but ${who} need ${needed.toString()}`);
  }
}

/** Offsets must not be negative, must not fall, and must end within `limit`. Returns them. */
function checkOffsets(vector: Vector, path: string, wide: boolean, limit: number): Uint32Array {
  const buffer = bufferOf(vector, 1);
  const count = vector.length + 1;
  if (wide) {
    const odd = firstWideValue(buffer, count);
    if (odd !== -1)
      refuseField(
        path,
        `offset ${odd.toString()} is ${signedTextAt(buffer, 8, odd)}, outside of 0 to ${limit.toString()}`,
      );
  }
  const offsets = offsetWords(buffer, wide, count);
  let previous = 0;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i] ?? 0;
    if (offset < previous || offset > limit) refuseOffset(offsets, i, path, wide, limit);
    previous = offset;
  }
  return offsets;
}

function refuseOffset(offsets: Uint32Array, index: number, path: string, wide: boolean, limit: number): never {
  const signed = (at: number): number => (wide ? (offsets[at] ?? 0) : (offsets[at] ?? 0) | 0);
  const value = signed(index);
  if (value < 0 || value > limit) {
    refuseField(path, `offset ${index.toString()} is ${value.toString()}, outside of 0 to ${limit.toString()}`);
  }
  const before = signed(index - 1).toString();
  return refuseField(path, `offset ${index.toString()} is ${value.toString()}, below the one before it, ${before}`);
}

/** The bytes between the first and the last offset at once; row by row only when that fails. */
function checkText(vector: Vector, path: string, offsets: Uint32Array): void {
  const bytes = bufferOf(vector, 2);
  const first = offsets[0] ?? 0;
  const last = offsets[vector.length] ?? 0;
  const region = bytes.subarray(first, last);
  if (isAscii(region)) return;
  if (isUtf8(region) && startsAtCharacters(offsets, bytes, last)) return;
  for (let i = 0; i < vector.length; i++) {
    if (isPresent(vector, i) && !isUtf8(bytes.subarray(offsets[i], offsets[i + 1]))) {
      refuseField(path, `row ${i.toString()} is not UTF-8`);
    }
  }
}

function startsAtCharacters(offsets: Uint32Array, bytes: Uint8Array, last: number): boolean {
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] ?? 0;
    if (offset < last && ((bytes[offset] ?? 0) & 0xc0) === 0x80) return false;
  }
  return true;
}

function checkIndices(field: Field, type: TypeOf<'dictionary'>, vector: Vector, path: string): void {
  const dictionary = present(vector.dictionary, 'a dictionary');
  const buffer = bufferOf(vector, 1);
  const { index } = type;
  const size = dictionary.length;
  const values = integerWords(buffer, index.bitWidth, index.signed, vector.length);
  const high = index.bitWidth === 64 ? integerWords(buffer, 32, false, vector.length * 2) : undefined;
  for (let i = 0; i < vector.length; i++) {
    const value = values[i] ?? 0;
    if (value >= 0 && value < size && (high === undefined || high[2 * i + 1] === 0)) continue;
    if (!isPresent(vector, i)) continue;
    const text = high === undefined ? value.toString() : signedTextAt(buffer, 8, i);
    refuseField(
      path,
      `row ${i.toString()} has dictionary index ${text}, the dictionary has ${size.toString()} values`,
    );
  }
  if (field.nullable || dictionary.nullCount === 0) return;
  for (let i = 0; i < vector.length; i++) {
    if (isPresent(vector, i) && !isPresent(dictionary, values[i] ?? 0)) {
      refuseField(path, `row ${i.toString()} is null in the dictionary, but the field is declared without nulls`);
    }
  }
}

function checkListView(vector: Vector, path: string, wide: boolean): void {
  const limit = child(vector, 0).length;
  const width = wide ? 8 : 4;
  const [startBytes, sizeBytes] = [bufferOf(vector, 1), bufferOf(vector, 2)];
  for (const bytes of [startBytes, sizeBytes]) {
    const odd = wide ? firstWideValue(bytes, vector.length) : -1;
    if (odd !== -1) refuseListView(vector, path, odd, width, limit);
  }
  const starts = offsetWords(startBytes, wide, vector.length);
  const sizes = offsetWords(sizeBytes, wide, vector.length);
  for (let i = 0; i < vector.length; i++) {
    // Doubles hold the sum of two 32-bit words exactly, and a negative word counts as a huge one.
    if ((starts[i] ?? 0) + (sizes[i] ?? 0) > limit) refuseListView(vector, path, i, width, limit);
  }
}

function refuseListView(vector: Vector, path: string, row: number, width: number, limit: number): never {
  const start = signedTextAt(bufferOf(vector, 1), width, row);
  const size = signedTextAt(bufferOf(vector, 2), width, row);
  const what = `begins at ${start} and has ${size} values`;
  return refuseField(path, `row ${row.toString()} ${what}, outside of a child of ${limit.toString()} rows`);
}

function checkUnion(type: TypeOf<'union'>, vector: Vector, path: string): void {
  const childOf = new Int8Array(256).fill(-1);
  type.typeIds.forEach((id, i) => (childOf[id] = i));
  const ids = bufferOf(vector, 0);
  for (let i = 0; i < vector.length; i++) {
    if (childOf[ids[i] ?? 0] === -1) {
      refuseField(
        path,
        `row ${i.toString()} has type id ${(((ids[i] ?? 0) << 24) >> 24).toString()}, which ${typeName(type)} lacks`,
      );
    }
  }
  if (type.mode === 'sparse') {
    for (const part of vector.children) checkChildLength(path, part, vector.length, 'its rows');
    return;
  }
  const starts = offsetWords(bufferOf(vector, 1), false, vector.length);
  const lengths = vector.children.map((part) => part.length);
  const last = new Uint32Array(lengths.length);
  for (let i = 0; i < vector.length; i++) {
    const which = childOf[ids[i] ?? 0] ?? 0;
    const start = starts[i] ?? 0;
    if (start >= (lengths[which] ?? 0)) {
      const size = (lengths[which] ?? 0).toString();
      refuseField(path, `row ${i.toString()} has offset ${(start | 0).toString()}, its child has ${size} rows`);
    }
    if (start < (last[which] ?? 0)) {
      refuseField(
        path,
        `row ${i.toString()} has offset ${start.toString()}, below the one before it in the same child`,
      );
    }
    last[which] = start;
  }
}

function checkRunEnds(type: TypeOf<'run_end'>, vector: Vector, path: string): void {
  const [ends, values] = [child(vector, 0), child(vector, 1)];
  const endType = type.runEnds.type;
  if (endType.id !== 'int') return;
  if (ends.nullCount > 0) refuseField(path, `has ${ends.nullCount.toString()} null run ends`);
  checkChildLength(path, values, ends.length, 'its runs');
  const buffer = bufferOf(ends, 1);
  const odd = endType.bitWidth === 64 ? firstWideValue(buffer, ends.length) : -1;
  if (odd !== -1)
    refuseField(
      path,
      `run end ${odd.toString()} is ${signedTextAt(buffer, 8, odd)}, outside of what a batch can have`,
    );
  const words = integerWords(buffer, endType.bitWidth, true, ends.length);
  let previous = 0;
  for (let i = 0; i < words.length; i++) {
    const end = words[i] ?? 0;
    if (end <= previous) {
      const than = i === 0 ? 'not positive' : `not above the one before it, ${previous.toString()}`;
      refuseField(path, `run end ${i.toString()} is ${end.toString()}, ${than}`);
    }
    previous = end;
  }
  if (previous < vector.length) {
    refuseField(path, `the last run ends at ${previous.toString()}, before its ${vector.length.toString()} rows`);
  }
}

function checkMap(vector: Vector, path: string, visible: Visible): void {
  const entries = child(vector, 0);
  const shown = visibleChild(vector, 0, visible);
  refuseVisibleNulls(entries, path, shown, 'a map has no null entries');
  const keys = child(entries, 0);
  refuseVisibleNulls(keys, path, visibleChild(entries, 0, shown), 'keys of a map are never null');
}
