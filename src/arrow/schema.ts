/**
 * Fields and schemas: plain immutable objects.
 *
 * Hides nothing. Invariants: metadata keeps its order and repeated keys, as the wire does; names may be empty and may
 * repeat in a schema from outside (tables refuse repeated names, query results need not).
 */
import type { DataType } from './type.ts';

/** Key-value pairs in wire order. */
export type Metadata = readonly (readonly [key: string, value: string])[];

export interface Field {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  readonly metadata: Metadata;
}

export interface Schema {
  readonly fields: readonly Field[];
  readonly metadata: Metadata;
}

/** Makes a field; nullable and without metadata unless said. */
export function makeField(name: string, type: DataType, nullable = true, metadata: Metadata = []): Field {
  return { name, type, nullable, metadata };
}

/** Makes a schema without metadata unless given. */
export function makeSchema(fields: readonly Field[], metadata: Metadata = []): Schema {
  return { fields, metadata };
}

/** Characters of a field's name that messages show. */
const SHOWN_NAME_LENGTH = 100;

/** A field as messages name it: `parent` (empty, or ending in a dot) and its name, or its place when it has none. */
export function fieldPath(parent: string, name: string, index: number): string {
  if (name === '') return `${parent}#${index.toString()}`;
  return name.length > SHOWN_NAME_LENGTH ? `${parent}${name.slice(0, SHOWN_NAME_LENGTH)}…` : `${parent}${name}`;
}
