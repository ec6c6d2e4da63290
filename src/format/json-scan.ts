/**
 * Finds the members of one JSON object in a line of bytes, without building values.
 *
 * Hides JSON's grammar, checked in full: names, strings, numbers and words here, nested values by the platform's
 * parser. Invariant: a line that scans is valid JSON, so the bytes of a number or a nested value may be kept as they
 * are. Source: RFC 8259.
 */
import { EngineError } from '../base/errors.ts';
import { textOf } from './text-parse.ts';

/** Kinds of values. Ranges of strings are without quotes. */
export const NULL = 0;
const WORD = 1;
const NUMBER = 2;
export const STRING = 3;
export const ESCAPED_STRING = 4;
export const NESTED = 5;

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
/** Integers per member: name's start, end, kind; value's start, end, kind. */
export const STRIDE = 6;

/** The scanner of one input. After `scan`, member i stands at members[i × STRIDE …]. */
export class JsonLineScanner {
  members = new Int32Array(STRIDE * 32);
  memberCount = 0;
  /** 1-based line that is being scanned; for messages. */
  line = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #at = 0;

  /** Scans the line bytes[start, end); false when it is blank. @throws `request_invalid` */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#at = start;
    this.memberCount = 0;
    this.line++;
    this.#skipBlanks();
    if (this.#at >= end) return false;
    this.#expect(123, 'an object, {"name": value, …}');
    this.#skipBlanks();
    if (bytes[this.#at] === 125 && this.#at < end) this.#at++;
    else this.#members();
    this.#skipBlanks();
    if (this.#at < end) throw this.#fault('one object on a line');
    return true;
  }

  #members(): void {
    for (;;) {
      const at = this.memberCount * STRIDE;
      if (at + STRIDE > this.members.length) this.#grow();
      this.#skipBlanks();
      if (this.#peek() !== QUOTE) throw this.#fault('a name in quotes');
      this.#string(at);
      this.#skipBlanks();
      this.#expect(COLON, '":"');
      this.#skipBlanks();
      this.#value(at + 3);
      this.memberCount++;
      this.#skipBlanks();
      const next = this.#peek();
      this.#at++;
      if (next === 125) return;
      if (next !== COMMA) {
        this.#at--;
        throw this.#fault('"," or "}"');
      }
    }
  }

  #value(slot: number): void {
    const byte = this.#peek();
    if (byte === QUOTE) this.#string(slot);
    else if (byte === 123 || byte === 91) this.#nested(slot);
    else if (byte === 45 || (byte >= 48 && byte <= 57)) this.#number(slot);
    else this.#word(slot);
  }

  /** A string from its opening quote on. */
  #string(slot: number): void {
    const bytes = this.#bytes;
    const start = ++this.#at;
    let kind = STRING;
    let at = start;
    for (; at < this.#end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        kind = ESCAPED_STRING;
        at++;
      } else if (byte < 32) {
        this.#at = at;
        throw this.#fault('an escape instead of a control character');
      }
    }
    this.#at = at;
    if (at >= this.#end) throw this.#fault('a closing quote');
    this.#set(slot, start, at, kind);
    this.#at = at + 1;
  }

  #number(slot: number): void {
    const start = this.#at;
    if (this.#peek() === 45) this.#at++;
    const zero = this.#peek() === 48;
    const whole = this.#digits();
    let valid = whole > 0 && (!zero || whole === 1);
    if (this.#peek() === 46) {
      this.#at++;
      valid = this.#digits() > 0 && valid;
    }
    if ((this.#peek() | 32) === 101) {
      this.#at++;
      if (this.#peek() === 43 || this.#peek() === 45) this.#at++;
      valid = this.#digits() > 0 && valid;
    }
    this.#set(slot, start, this.#at, NUMBER);
    if (valid) return;
    this.#at = start;
    throw this.#fault('a number as JSON writes it');
  }

  /** Steps over digits and says how many. */
  #digits(): number {
    const start = this.#at;
    const bytes = this.#bytes;
    let at = start;
    for (; at < this.#end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < 48 || byte > 57) break;
    }
    this.#at = at;
    return at - start;
  }

  #word(slot: number): void {
    const text = textOf(this.#bytes, this.#at, Math.min(this.#at + 5, this.#end));
    const word = ['true', 'false', 'null'].find((candidate) => text.startsWith(candidate));
    if (word === undefined) throw this.#fault('a value');
    this.#set(slot, this.#at, this.#at + word.length, word === 'null' ? NULL : WORD);
    this.#at += word.length;
  }

  /** Finds the end of an array or object by its brackets, then has all of it checked. */
  #nested(slot: number): void {
    const bytes = this.#bytes;
    const start = this.#at;
    let depth = 0;
    let inString = false;
    let at = start;
    for (; at < this.#end; at++) {
      const byte = bytes[at] ?? 0;
      if (inString) {
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) inString = true;
      else if (byte === 123 || byte === 91) depth++;
      else if ((byte === 125 || byte === 93) && --depth === 0) break;
    }
    const end = Math.min(at + 1, this.#end);
    try {
      JSON.parse(textOf(bytes, start, end));
    } catch {
      // The platform's message quotes its own position; ours says where in the line the value begins.
      throw this.#fault(depth === 0 ? 'a valid nested value' : 'the end of a nested value');
    }
    this.#set(slot, start, end, NESTED);
    this.#at = end;
  }

  #set(slot: number, start: number, end: number, kind: number): void {
    this.members[slot] = start;
    this.members[slot + 1] = end;
    this.members[slot + 2] = kind;
  }

  #grow(): void {
    const grown = new Int32Array(this.members.length * 2);
    grown.set(this.members);
    this.members = grown;
  }

  #peek(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] ?? 0) : -1;
  }

  #skipBlanks(): void {
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (byte !== 32 && byte !== 9 && byte !== 13) return;
    }
  }

  #expect(byte: number, what: string): void {
    if (this.#peek() !== byte) throw this.#fault(what);
    this.#at++;
  }

  #fault(expected: string): EngineError {
    const place = `line ${this.line.toString()}, byte ${(this.#at - this.#start + 1).toString()}`;
    return new EngineError('request_invalid', `${place}: the JSON is not valid, expected ${expected}`);
  }
}

/** Decodes the inside of a JSON string with escapes; undefined when an escape is wrong. */
export function decodeEscapes(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return String(JSON.parse(`"${textOf(bytes, start, end)}"`));
  } catch {
    // Only a wrong escape can bring this about; the caller says where it stands.
    return undefined;
  }
}
