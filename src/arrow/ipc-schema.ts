/**
 * Schema messages: flatbuffer to Schema and back.
 *
 * Hides flatbuffers and the type tags (schema-read, schema-write). Invariants: decode of encode is the same schema,
 * metadata order and dictionary ids included; nothing from outside is trusted. Source: Arrow format, Schema.fbs,
 * Message.fbs.
 */
import { Builder } from 'flatbuffers';
import { EngineError } from '../base/errors.ts';
import type { Message } from './batch.ts';
import { PREFIX_BYTES, finishMessage, readMessageHead } from './ipc-header.ts';
import { readSchema } from './schema-read.ts';
import { writeSchema } from './schema-write.ts';
import type { Field, Schema } from './schema.ts';
import type { DataType } from './type.ts';

/** The Schema message of `schema` (body empty). Dictionary ids are written as the types have them. */
export function encodeSchema(schema: Schema): Message {
  const builder = new Builder(1024);
  const header = finishMessage(builder, 'schema', writeSchema(builder, schema), 0);
  return { header, body: [], bodyBytes: 0 };
}

/** Reads a Schema message's header (no 8-byte prefix). Fully validated. @throws `request_invalid`, `limit_exceeded` */
export function decodeSchema(header: Uint8Array): Schema {
  const head = readMessageHead(header);
  if (head.kind !== 'schema') {
    throw new EngineError('request_invalid', `expected a schema message first, got a ${head.kind} message`);
  }
  return readSchema(head.table);
}

/** The 8 bytes (continuation marker, header length) that precede a message in streams, files and FlightInfo.schema. */
export function messagePrefix(message: Message): Uint8Array {
  const prefix = new Uint8Array(PREFIX_BYTES);
  const view = new DataView(prefix.buffer);
  view.setUint32(0, 0xffff_ffff, true);
  view.setInt32(4, message.header.byteLength, true);
  return prefix;
}

/** `schema` with dictionary ids renumbered 0, 1, 2 … in depth-first order, so that they are unique. */
export function numberDictionaries(schema: Schema): Schema {
  let next = 0n;
  const numberField = (field: Field): Field => ({ ...field, type: numberType(field.type) });
  const numberType = (type: DataType): DataType => {
    switch (type.id) {
      case 'dictionary': {
        const dictionaryId = next++;
        return { ...type, value: numberType(type.value), dictionaryId };
      }
      case 'list':
      case 'large_list':
      case 'list_view':
      case 'large_list_view':
      case 'fixed_list':
      case 'map':
        return { ...type, child: numberField(type.child) };
      case 'struct':
      case 'union':
        return { ...type, children: type.children.map(numberField) };
      case 'run_end':
        return { ...type, runEnds: numberField(type.runEnds), values: numberField(type.values) };
      default:
        return type;
    }
  };
  return { fields: schema.fields.map(numberField), metadata: schema.metadata };
}
