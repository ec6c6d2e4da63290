/**
 * Trees of patterns as programs over the bytes of UTF-8.
 *
 * Hides the encoding of characters. Invariants: a program has at most PATTERN_SIZE_MAX instructions; following one
 * never goes in a circle without taking a byte or a step back through a choice, which the matchers bound by visiting
 * an instruction once at a place.
 * Source: R. Cox, "Regular Expression Matching: the Virtual Machine Approach"; utf8-ranges for the byte sequences.
 */
import { EngineError } from '../base/errors.ts';
import { PATTERN_SIZE_MAX } from '../base/limits.ts';
import { pairsOf } from './pattern-class.ts';
import type { Ranges } from './pattern-class.ts';
import type { Assertion, ParsedPattern, PatternNode } from './pattern-parse.ts';

/** Takes a byte from `x` to `y`, then goes on with the next instruction. */
export const OP_BYTE = 0;
/** Goes on at `x`, or else at `y`. */
export const OP_SPLIT = 1;
/** Goes on at `x`. */
export const OP_JUMP = 2;
/** Notes the place in slot `x`. */
export const OP_SAVE = 3;
/** Goes on where assertion number `x` holds. */
export const OP_ASSERT = 4;
export const OP_MATCH = 5;

/** Assertions by their number in a program. */
const ASSERTION_NUMBERS: Readonly<Record<Assertion, number>> = {
  text_start: 0,
  text_end: 1,
  line_start: 2,
  line_end: 3,
  word_edge: 4,
  no_word_edge: 5,
};

/** Instructions as three columns. */
export interface Program {
  readonly ops: Int32Array;
  readonly xs: Int32Array;
  readonly ys: Int32Array;
  readonly groupCount: number;
  /** Places that are noted: two of the match, and two of each group that can be named. */
  readonly slotCount: number;
}

type ByteRange = readonly [low: number, high: number];

/** Groups whose places are kept: a function can name no others. */
const CAPTURED_GROUPS = 9;

class Emitter {
  readonly ops: number[] = [];
  readonly xs: number[] = [];
  readonly ys: number[] = [];

  get next(): number {
    return this.ops.length;
  }

  emit(op: number, x = 0, y = 0): number {
    if (this.ops.length >= PATTERN_SIZE_MAX) {
      const bound = PATTERN_SIZE_MAX.toString();
      throw new EngineError('limit_exceeded', `a regular expression is too large: over ${bound} steps when compiled`);
    }
    this.xs.push(x);
    this.ys.push(y);
    return this.ops.push(op) - 1;
  }

  node(node: PatternNode): void {
    switch (node.kind) {
      case 'empty':
        return;
      case 'class':
        return this.#sequences(byteSequences(node.ranges));
      case 'assert':
        this.emit(OP_ASSERT, ASSERTION_NUMBERS[node.assertion]);
        return;
      case 'sequence':
        for (const part of node.parts) this.node(part);
        return;
      case 'choice':
        return this.#choices(node.parts, (part) => this.node(part));
      case 'repeat':
        return this.#repeat(node);
      case 'group':
        if (node.index > CAPTURED_GROUPS) return this.node(node.part);
        this.emit(OP_SAVE, 2 * node.index);
        this.node(node.part);
        this.emit(OP_SAVE, 2 * node.index + 1);
        return;
    }
  }

  /** One of several sequences of bytes; those that begin alike share their first. */
  #sequences(sequences: readonly (readonly ByteRange[])[]): void {
    const groups: (readonly ByteRange[])[][] = [];
    for (const sequence of sequences) {
      const last = groups.at(-1);
      const [low, high] = sequence[0] as ByteRange;
      const known = last?.[0]?.[0];
      if (last !== undefined && known?.[0] === low && known[1] === high) last.push(sequence);
      else groups.push([sequence]);
    }
    this.#choices(groups, (group) => {
      const [low, high] = (group[0] as readonly ByteRange[])[0] as ByteRange;
      this.emit(OP_BYTE, low, high);
      const rests = group.map((sequence) => sequence.slice(1)).filter((rest) => rest.length > 0);
      if (rests.length > 0) this.#sequences(rests);
    });
  }

  /** One of several, the first ones first; none of none, which no byte satisfies. */
  #choices<T>(parts: readonly T[], one: (part: T) => void): void {
    if (parts.length === 0) this.emit(OP_BYTE, 1, 0);
    const jumps: number[] = [];
    parts.forEach((part, k) => {
      if (k === parts.length - 1) {
        one(part);
        return;
      }
      const split = this.emit(OP_SPLIT);
      this.xs[split] = this.next;
      one(part);
      jumps.push(this.emit(OP_JUMP));
      this.ys[split] = this.next;
    });
    for (const jump of jumps) this.xs[jump] = this.next;
  }

  #repeat(node: Extract<PatternNode, { kind: 'repeat' }>): void {
    const isOpen = node.max === Infinity;
    for (let k = isOpen ? 1 : 0; k < node.min; k++) this.node(node.part);
    if (isOpen && node.min === 0 && !canBeEmpty(node.part)) {
      const split = this.emit(OP_SPLIT);
      this.node(node.part);
      this.emit(OP_JUMP, split);
      this.#branch(split, split + 1, this.next, node.greedy);
      return;
    }
    if (isOpen) {
      // Where the part can be empty, `*` is `+` or nothing: so a match of nothing keeps its place among the others.
      const around = node.min === 0 ? this.emit(OP_SPLIT) : -1;
      const start = this.next;
      this.node(node.part);
      const split = this.emit(OP_SPLIT);
      this.#branch(split, start, this.next, node.greedy);
      if (around >= 0) this.#branch(around, start, this.next, node.greedy);
      return;
    }
    const splits: number[] = [];
    for (let k = node.min; k < node.max; k++) {
      splits.push(this.emit(OP_SPLIT));
      this.node(node.part);
    }
    for (const split of splits) this.#branch(split, split + 1, this.next, node.greedy);
  }

  #branch(split: number, into: number, past: number, greedy: boolean): void {
    this.xs[split] = greedy ? into : past;
    this.ys[split] = greedy ? past : into;
  }
}

/** Whether a node matches a text without characters somewhere. */
function canBeEmpty(node: PatternNode): boolean {
  switch (node.kind) {
    case 'empty':
    case 'assert':
      return true;
    case 'class':
      return false;
    case 'sequence':
      return node.parts.every(canBeEmpty);
    case 'choice':
      return node.parts.some(canBeEmpty);
    case 'repeat':
      return node.min === 0 || canBeEmpty(node.part);
    case 'group':
      return canBeEmpty(node.part);
  }
}

/** Compiles a pattern. @throws `limit_exceeded` */
export function compileProgram(pattern: ParsedPattern): Program {
  const emitter = new Emitter();
  emitter.emit(OP_SAVE, 0);
  emitter.node(pattern.tree);
  emitter.emit(OP_SAVE, 1);
  emitter.emit(OP_MATCH);
  return {
    ops: Int32Array.from(emitter.ops),
    xs: Int32Array.from(emitter.xs),
    ys: Int32Array.from(emitter.ys),
    groupCount: pattern.groupCount,
    slotCount: 2 * (Math.min(pattern.groupCount, CAPTURED_GROUPS) + 1),
  };
}

/** The sequences of byte ranges that are the UTF-8 of the characters of `ranges`. */
function byteSequences(ranges: Ranges): readonly (readonly ByteRange[])[] {
  const sequences: ByteRange[][] = [];
  const open = pairsOf(ranges).reverse();
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [low, high] = range;
    const cut = cutOf(low, high);
    if (cut >= 0) {
      open.push([cut + 1, high], [low, cut]);
      continue;
    }
    const first = utf8Of(low);
    const last = utf8Of(high);
    sequences.push(first.map((byte, k) => [byte, last[k] as number] as const));
  }
  return sequences;
}

/** The last character before a place where the range must be cut, or -1: its bytes would not be independent. */
function cutOf(low: number, high: number): number {
  for (const last of [0x7f, 0x7ff, 0xffff]) if (low <= last && high > last) return last;
  if (high <= 0x7f) return -1;
  for (let bytes = 1; bytes < 4; bytes++) {
    const mask = (1 << (6 * bytes)) - 1;
    if ((low & ~mask) === (high & ~mask)) continue;
    if ((low & mask) !== 0) return low | mask;
    if ((high & mask) !== mask) return (high & ~mask) - 1;
  }
  return -1;
}

function utf8Of(code: number): number[] {
  if (code < 0x80) return [code];
  const tail = 0x80 | (code & 63);
  if (code < 0x800) return [0xc0 | (code >> 6), tail];
  if (code < 0x10000) return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), tail];
  return [0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), tail];
}
