/**
 * Schemas in the JSON of Apache Arrow's integration tests.
 *
 * Hides its names of types. Invariant: a type that is not known here is an error. Source: Arrow documentation,
 * "Integration testing", "JSON test data format".
 */
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Field, Metadata, Schema } from '../../src/arrow/schema.ts';
import type { DataType, IntType, TimeUnit } from '../../src/arrow/type.ts';

interface JsonInt {
  readonly bitWidth: 8 | 16 | 32 | 64;
  readonly isSigned: boolean;
}

interface JsonType extends JsonInt {
  readonly name: string;
  readonly precision: number | string;
  readonly scale: number;
  readonly byteWidth: number;
  readonly unit: string;
  readonly timezone?: string;
  readonly listSize: number;
  readonly keysSorted: boolean;
  readonly mode: string;
  readonly typeIds: readonly number[];
}

type JsonMetadata = readonly { readonly key: string; readonly value: string }[];

export interface JsonField {
  readonly name: string;
  readonly type: JsonType;
  readonly nullable: boolean;
  readonly children: readonly JsonField[];
  readonly dictionary?: { readonly id: number; readonly indexType: JsonInt; readonly isOrdered: boolean };
  readonly metadata?: JsonMetadata;
}

export interface JsonSchema {
  readonly fields: readonly JsonField[];
  readonly metadata?: JsonMetadata;
}

/** The schema that `json` describes. */
export function schemaOfJson(json: JsonSchema): Schema {
  return makeSchema(json.fields.map(fieldOf), metadataOf(json.metadata));
}

function metadataOf(pairs: JsonMetadata = []): Metadata {
  return pairs.map(({ key, value }) => [key, value]);
}

function fieldOf(json: JsonField): Field {
  const value = typeOf(json);
  const { dictionary } = json;
  const type: DataType =
    dictionary === undefined
      ? value
      : {
          id: 'dictionary',
          index: intOf(dictionary.indexType),
          value,
          ordered: dictionary.isOrdered,
          dictionaryId: BigInt(dictionary.id),
        };
  return makeField(json.name, type, json.nullable, metadataOf(json.metadata));
}

function intOf({ bitWidth, isSigned }: JsonInt): IntType {
  return { id: 'int', bitWidth, signed: isSigned };
}

const FLAT: Readonly<Record<string, DataType>> = {
  null: { id: 'null' },
  bool: { id: 'bool' },
  utf8: { id: 'utf8' },
  largeutf8: { id: 'large_utf8' },
  utf8view: { id: 'utf8_view' },
  binary: { id: 'binary' },
  largebinary: { id: 'large_binary' },
  binaryview: { id: 'binary_view' },
};

const FLOAT_BITS: Readonly<Record<string, 16 | 32 | 64>> = { HALF: 16, SINGLE: 32, DOUBLE: 64 };

function typeOf({ type, children }: JsonField): DataType {
  const flat = FLAT[type.name];
  if (flat !== undefined) return flat;
  const unit = type.unit?.toLowerCase();
  switch (type.name) {
    case 'int':
      return intOf(type);
    case 'floatingpoint':
      return { id: 'float', bitWidth: FLOAT_BITS[type.precision] ?? 64 };
    case 'decimal': {
      const bitWidth = (type.bitWidth as number | undefined) ?? 128;
      return {
        id: 'decimal',
        bitWidth: bitWidth as 32 | 64 | 128 | 256,
        precision: Number(type.precision),
        scale: type.scale,
      };
    }
    case 'fixedsizebinary':
      return { id: 'fixed_binary', byteWidth: type.byteWidth };
    case 'date':
      return { id: 'date', unit: unit as 'day' | 'millisecond' };
    case 'time':
      return { id: 'time', unit: unit as TimeUnit, bitWidth: type.bitWidth as 32 | 64 };
    case 'timestamp':
      return { id: 'timestamp', unit: unit as TimeUnit, timezone: type.timezone };
    case 'duration':
      return { id: 'duration', unit: unit as TimeUnit };
    case 'interval':
      return { id: 'interval', unit: unit as 'year_month' | 'day_time' | 'month_day_nano' };
    default:
      return nestedTypeOf(type, children.map(fieldOf));
  }
}

function nestedTypeOf(type: JsonType, children: readonly Field[]): DataType {
  const [first = makeField('', { id: 'null' }), second = first] = children;
  switch (type.name) {
    case 'list':
      return { id: 'list', child: first };
    case 'largelist':
      return { id: 'large_list', child: first };
    case 'listview':
      return { id: 'list_view', child: first };
    case 'largelistview':
      return { id: 'large_list_view', child: first };
    case 'fixedsizelist':
      return { id: 'fixed_list', child: first, listSize: type.listSize };
    case 'struct':
      return { id: 'struct', children };
    case 'map':
      return { id: 'map', child: first, keysSorted: type.keysSorted };
    case 'union':
      return { id: 'union', mode: type.mode.toLowerCase() as 'sparse' | 'dense', typeIds: type.typeIds, children };
    case 'runendencoded':
      return { id: 'run_end', runEnds: first, values: second };
    default:
      throw new Error(`the integration JSON has a type ${type.name} that is not known here`);
  }
}
