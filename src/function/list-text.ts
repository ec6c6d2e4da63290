/**
 * Between texts and lists of them: split by a text or a pattern, every match of a pattern, and joined.
 *
 * Hides nothing. Invariants: parts are views of the text's characters, never half of one; a null separator splits
 * nothing, as in DuckDB; nulls of a list are left out when it is joined.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, rowBytes } from './byte-rows.ts';
import { withValidity } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { elementType, nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { checkValueCount, listRowsOf, makeList, offsetsOf } from './list-rows.ts';
import { listOf } from './nested-type.ts';
import { matchersOf, nextCharacter } from './pattern.ts';
import type { Matcher } from './pattern-match.ts';
import { fitKinds, integersOf, rowError, textRows } from './scalar-frame.ts';
import type { Kind } from './scalar-frame.ts';
import { castKind, familyOf, flatType, UTF8 } from './signature.ts';
import { findBytes } from './text-search.ts';
import { charactersOf } from './text-slice.ts';
import {
  ALL_PRESENT,
  bitAt,
  mergeValidity,
  validityFrom,
  validityOf,
  withoutRows,
  writableBits,
} from './validity.ts';

/** Parts of texts as they are found: bytes `from` to `to` of the text of the open row. */
class Parts {
  readonly #froms: number[] = [];
  readonly #tos: number[] = [];

  get count(): number {
    return this.#froms.length;
  }

  /** Bytes from -1 on are NULL. */
  add(from: number, to: number): void {
    this.#froms.push(from);
    this.#tos.push(to);
  }

  /** The lists of parts: `sizes` of each row's, out of its text. */
  finish(type: DataType, texts: Vector, sizes: Uint32Array, validity = validityOf(texts)): Vector {
    const rows = byteRowsOf(texts);
    checkValueCount(this.count);
    const builder = new ByteRowsBuilder(this.count);
    const isNull = (at: number): boolean => (this.#froms[at] as number) < 0;
    for (let i = 0, at = 0; i < sizes.length; i++) {
      const bytes = (sizes[i] as number) === 0 ? undefined : rowBytes(rows, i);
      for (let k = 0; k < (sizes[i] as number); k++, at++) {
        if (bytes !== undefined && !isNull(at))
          builder.append(bytes, this.#froms[at] as number, this.#tos[at] as number);
        builder.endRow();
      }
    }
    return makeList(
      type,
      offsetsOf(sizes),
      builder.finish(UTF8, withoutRows(ALL_PRESENT, this.count, isNull)),
      validity,
    );
  }
}

/** Cuts a text at a separator; at every character when it is empty. */
function splitText(bytes: Uint8Array, separator: Uint8Array, parts: Parts): void {
  if (separator.length === 0) {
    const units = charactersOf(bytes);
    for (let k = 0; k < units.count; k++) parts.add(units.at(k), units.at(k + 1));
    if (units.count === 0) parts.add(0, 0);
    return;
  }
  let from = 0;
  for (;;) {
    const at = findBytes(bytes, separator, from);
    if (at < 0) break;
    parts.add(from, at);
    from = at + separator.length;
  }
  parts.add(from, bytes.length);
}

const splitKernel: Kernel = (args, rowCount, type) => {
  const [text, separator] = args as [Vector, Vector];
  const [texts, separators] = [byteRowsOf(text), byteRowsOf(separator)];
  const [present, given] = [validityOf(text).bits, validityOf(separator).bits];
  const parts = new Parts();
  const sizes = new Uint32Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (present !== undefined && !bitAt(present, i)) continue;
    const before = parts.count;
    const bytes = rowBytes(texts, i);
    if (given !== undefined && !bitAt(given, i)) parts.add(0, bytes.length);
    else splitText(bytes, rowBytes(separators, i), parts);
    sizes[i] = parts.count - before;
  }
  return parts.finish(type, text, sizes);
};

/** Cuts a text at the matches of a pattern; an empty match where a part begins passes over one character. */
function splitMatches(bytes: Uint8Array, matcher: Matcher, parts: Parts): void {
  let from = 0;
  while (from < bytes.length) {
    const found = matcher.find(bytes, from);
    if (found === undefined) break;
    const [start, end] = [found[0] as number, found[1] as number];
    const isEmpty = start === end && start === from;
    const cut = isEmpty ? nextCharacter(bytes, from) : start;
    if (isEmpty && cut >= bytes.length) break;
    parts.add(from, cut);
    from = isEmpty ? cut : end;
  }
  parts.add(from, bytes.length);
}

/** Every match of a pattern, or a group of it. */
function extractMatches(bytes: Uint8Array, matcher: Matcher, group: number, parts: Parts): void {
  for (let at = 0; at <= bytes.length;) {
    const found = matcher.find(bytes, at);
    if (found === undefined) return;
    const [start, end] = [found[0] as number, found[1] as number];
    const from = found[2 * group] ?? -1;
    // A group that took no part in the match is NULL.
    parts.add(from, from < 0 ? -1 : (found[2 * group + 1] ?? from));
    at = end > start ? end : nextCharacter(bytes, end);
  }
}

/** A kernel over text and pattern; `take` adds the parts of one row. */
function patternKernel(
  optionsAt: number,
  isStrict: boolean,
  take: (bytes: Uint8Array, matcher: Matcher, row: number, args: readonly Vector[], parts: Parts) => void,
): Kernel {
  return (args, rowCount, type) => {
    const text = args[0] as Vector;
    const texts = byteRowsOf(text);
    const matcherOf = matchersOf(args, optionsAt);
    const validity = mergeValidity(args, rowCount);
    const { bits } = validity;
    const parts = new Parts();
    const sizes = new Uint32Array(rowCount);
    for (let i = 0; i < rowCount; i++) {
      if (bits !== undefined && !bitAt(bits, i)) continue;
      const before = parts.count;
      take(rowBytes(texts, i), matcherOf(i).matcher, i, args, parts);
      checkValueCount(parts.count);
      sizes[i] = parts.count - before;
    }
    return parts.finish(type, text, sizes, isStrict ? validity : validityOf(text));
  };
}

const extractAllKernel = patternKernel(3, true, (bytes, matcher, row, args, parts) => {
  const group = args.length > 2 ? (integersOf(args[2] as Vector)[row] as number) : 0;
  if (group < 0) return;
  if (group <= matcher.groupCount) return extractMatches(bytes, matcher, group, parts);
  const has = `the regular expression has ${matcher.groupCount.toString()}`;
  throw rowError(`regexp_extract_all: there is no group ${group.toString()}, ${has}`);
});

function resolvePattern(args: readonly DataType[], kinds: readonly (readonly Kind[])[]): Shape | undefined {
  for (const overload of kinds) {
    const parameters = fitKinds(args, overload);
    if (parameters !== undefined) return { parameters, type: listOf(UTF8) };
  }
  return undefined;
}

const joinKernel: Kernel = (args, rowCount, type) => {
  const [list, separator] = args as [Vector, Vector];
  const { starts, ends, values } = listRowsOf(list);
  const [texts, separators] = [byteRowsOf(values), byteRowsOf(separator)];
  const { bits } = validityOf(values);
  // Of nothing but nulls there is no text, as there is none of an aggregate over them.
  const isBlank = (row: number): boolean => {
    if (bits === undefined || starts[row] === ends[row]) return false;
    for (let k = starts[row] as number; k < (ends[row] as number); k++) if (bitAt(bits, k)) return false;
    return true;
  };
  const made = textRows(args, rowCount, type, (i, out) => {
    const between = rowBytes(separators, i);
    let isFirst = true;
    for (let k = starts[i] as number; k < (ends[i] as number); k++) {
      if (bits !== undefined && !bitAt(bits, k)) continue;
      if (!isFirst) out.append(between, 0, between.length);
      isFirst = false;
      const bytes = rowBytes(texts, k);
      out.append(bytes, 0, bytes.length);
    }
  });
  const present = writableBits(validityOf(made), rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (isBlank(i)) present[i >> 3] = (present[i >> 3] as number) & ~(1 << (i & 7));
  }
  return withValidity(made, validityFrom(present, rowCount));
};

function textParameter(type: DataType | undefined): DataType | undefined {
  if (type === undefined) return undefined;
  return type.id === 'null' ? UTF8 : familyOf(type) === 'text' ? flatType(type) : undefined;
}

function resolveSplit([text, separator, ...more]: readonly DataType[]): Shape | undefined {
  const parameters = [textParameter(text), textParameter(separator)];
  if (more.length > 0 || !parameters.every((parameter) => parameter !== undefined)) return undefined;
  return { parameters, type: listOf(UTF8), nulls: 'custom' };
}

/** The entries of this family. */
export const LIST_TEXT: readonly FunctionEntry[] = [
  nestedEntry({
    name: 'string_split',
    aliases: ['str_split', 'split', 'string_to_array'],
    expects: '(text, text)',
    doc: 'The parts of the text between the separators; its characters when that is empty.',
    example: "string_split('a-b-', '-') → [a, b, '']",
    resolve: resolveSplit,
    kernel: splitKernel,
  }),
  nestedEntry({
    name: 'string_split_regex',
    aliases: ['str_split_regex', 'regexp_split_to_array'],
    expects: '(text, text) or (text, text, text)',
    doc: 'The parts of the text between the matches of a regular expression.',
    example: "string_split_regex('a1b22c', '[0-9]+') → [a, b, c]",
    fails: true,
    resolve: (args) =>
      resolvePattern(args, [
        ['text', 'text'],
        ['text', 'text', 'text'],
      ]),
    kernel: patternKernel(2, false, (bytes, matcher, _row, _args, parts) => splitMatches(bytes, matcher, parts)),
  }),
  nestedEntry({
    name: 'regexp_extract_all',
    expects: '(text, text), (text, text, integer) or (text, text, integer, text)',
    doc: 'What the regular expression matches, every time, or a group of it; with names a struct of the groups.',
    example: "regexp_extract_all('a1b2', '([a-z])([0-9])', 2) → [1, 2]",
    fails: true,
    resolve: (args) =>
      resolvePattern(args, [
        ['text', 'text'],
        ['text', 'text', 'int32'],
        ['text', 'text', 'int32', 'text'],
      ]),
    kernel: extractAllKernel,
  }),
  nestedEntry({
    name: 'array_to_string',
    aliases: ['list_to_string'],
    expects: '(list, text)',
    doc: 'The values of the list as text with the separator between them, nulls left out.',
    example: "array_to_string([1, NULL, 2], '-') → 1-2",
    fails: true,
    resolve: ([list, separator, ...more]) => {
      const element = elementType(list);
      const between = textParameter(separator);
      if (element === undefined || between === undefined || more.length > 0) return undefined;
      if (castKind(element, UTF8) === 'none') return undefined;
      return { parameters: [listOf(UTF8), between], type: UTF8 };
    },
    kernel: joinKernel,
  }),
];
