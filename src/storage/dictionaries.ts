/**
 * Dictionaries of batches that wait to be written.
 *
 * Hides where in nested types they stand. Invariants: what is held has memory of its own; a dictionary that many
 * batches share is copied once. A held batch has its columns' types and dictionaries, and no rows' values: it is
 * for DictionaryWriter only.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import { childFields } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';

/** True when some field, at any depth, is a dictionary. */
export function hasDictionaries(schema: Schema): boolean {
  return schema.fields.some((field) => typeHasDictionaries(field.type));
}

function typeHasDictionaries(type: DataType): boolean {
  return type.id === 'dictionary' || childFields(type).some((child) => typeHasDictionaries(child.type));
}

/** Bytes of the dictionaries of a batch, nested ones included. */
export function dictionaryBytes(batch: RecordBatch): number {
  let bytes = 0;
  const visit = (vector: Vector): void => {
    if (vector.dictionary !== undefined) {
      bytes += vectorBytes(vector.dictionary);
      visit(vector.dictionary);
    }
    vector.children.forEach(visit);
  };
  batch.columns.forEach(visit);
  return bytes;
}

function vectorBytes(vector: Vector): number {
  let bytes = 1_024;
  for (const buffer of vector.buffers) bytes += buffer.byteLength + 64;
  for (const child of vector.children) bytes += vectorBytes(child);
  return bytes;
}

/** Copies the dictionaries of batches, each once. */
export class DictionaryHolder {
  readonly #schema: Schema;
  readonly #copies = new WeakMap<Vector, Vector>();

  /** `schema`: the table's, whose dictionary ids the held batches get. */
  constructor(schema: Schema) {
    this.#schema = schema;
  }

  hold(batch: RecordBatch): RecordBatch {
    const columns = batch.columns.map((vector, i) => this.#shell(vector, present(this.#schema.fields[i], 'field')));
    return { schema: this.#schema, rowCount: 0, columns };
  }

  /** The vector without its values. */
  #shell(vector: Vector, field: Field): Vector {
    const children = childFields(field.type);
    return {
      type: field.type,
      length: 0,
      nullCount: 0,
      buffers: [],
      children: vector.children.map((child, i) => this.#shell(child, present(children[i], 'child field'))),
      dictionary: vector.dictionary === undefined ? undefined : this.#copy(vector.dictionary, field.type),
    };
  }

  #copy(dictionary: Vector, type: DataType): Vector {
    let copy = this.#copies.get(dictionary);
    if (copy === undefined) {
      copy = copyVector(dictionary, type.id === 'dictionary' ? type.value : type);
      this.#copies.set(dictionary, copy);
    }
    return copy;
  }
}

function copyVector(vector: Vector, type: DataType): Vector {
  const children = childFields(type);
  const value = type.id === 'dictionary' ? type.value : type;
  return {
    type,
    length: vector.length,
    nullCount: vector.nullCount,
    buffers: vector.buffers.map((buffer) => buffer.slice()),
    children: vector.children.map((child, i) => copyVector(child, children[i]?.type ?? child.type)),
    dictionary: vector.dictionary === undefined ? undefined : copyVector(vector.dictionary, value),
  };
}
