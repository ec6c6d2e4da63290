/**
 * The WebAssembly encoder: functions to the bytes of a module.
 *
 * Hides the binary format. Invariants: a module imports one memory (`sheaf.memory`) and exports every function under
 * its name; it has no tables, globals or data, so that all state is in the memory that its caller gives it. Functions
 * carry their names, so that profiles can be read.
 * Source: WebAssembly core specification, "Binary Format".
 */
import { assert } from '../base/assert.ts';
import type { Code, FunctionCode, Label, Local, Statement, ValueType } from './code.ts';
import { OPCODES } from './opcode.ts';

const TYPE_BYTE: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const EMPTY_BLOCK = 0x40;
const LOOP = 0x03;
const BLOCK = 0x02;
const IF = 0x04;
const ELSE = 0x05;
const END = 0x0b;
const BR = 0x0c;
const BR_IF = 0x0d;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const CONST: Readonly<Record<'i32' | 'i64' | 'f64', number>> = { i32: 0x41, i64: 0x42, f64: 0x44 };
const FUNCTION_TYPE = 0x60;
const MEMORY_KIND = 0x02;

/** Bytes that grow. */
class Bytes {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.view);
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Unsigned LEB128. */
  unsigned(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** Signed LEB128. */
  signed(value: bigint): void {
    let rest = value;
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const isLast = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
      this.byte(isLast ? low : low | 0x80);
      if (isLast) return;
    }
  }

  name(text: string): void {
    this.sized(Buffer.from(text, 'utf8'));
  }

  sized(bytes: Uint8Array): void {
    this.unsigned(bytes.length);
    this.raw(bytes);
  }
}

/** The body of one function. */
class BodyEncoder {
  readonly #out = new Bytes();
  /** Labels of the open structures, innermost last; undefined for conditions. */
  readonly #labels: (Label | undefined)[] = [];

  encode(code: FunctionCode): Uint8Array {
    this.#locals(code.locals);
    this.#statements(code.body);
    if (code.result !== undefined) this.#code(code.result);
    this.#out.byte(END);
    return this.#out.view;
  }

  /** Neighbours of one type are declared together. */
  #locals(locals: readonly Local[]): void {
    const runs: { type: ValueType; count: number }[] = [];
    for (const { type } of locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    this.#out.unsigned(runs.length);
    for (const { type, count } of runs) {
      this.#out.unsigned(count);
      this.#out.byte(TYPE_BYTE[type]);
    }
  }

  #code(code: Code): void {
    for (const arg of code.args) this.#code(arg);
    if (code.op === 'get') {
      this.#out.byte(LOCAL_GET);
      this.#out.unsigned((code.immediate as Local).index);
    } else if (code.op === 'const') {
      this.#constant(code);
    } else {
      this.#instruction(code.op, Number(code.immediate ?? 0));
    }
  }

  #constant(code: Code): void {
    if (code.type === 'v128') {
      this.#out.byte(0xfd);
      this.#out.unsigned(0x0c);
      this.#out.raw(code.immediate as Uint8Array);
      return;
    }
    assert(code.type !== 'f32', 'there are no constants of f32');
    this.#out.byte(CONST[code.type]);
    if (code.type === 'f64') this.#out.raw(new Uint8Array(Float64Array.of(code.immediate as number).buffer));
    else this.#out.signed(BigInt(code.immediate as number | bigint));
  }

  #instruction(op: keyof typeof OPCODES, immediate: number): void {
    const { prefix, code, follows, align } = OPCODES[op];
    if (prefix !== 0) this.#out.byte(prefix);
    if (prefix !== 0) this.#out.unsigned(code);
    else this.#out.byte(code);
    if (follows === 'memory') {
      this.#out.unsigned(align);
      this.#out.unsigned(immediate);
    } else if (follows === 'lane') {
      this.#out.byte(immediate);
    } else if (follows === 'memories') {
      this.#out.byte(0);
    }
  }

  #statements(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement);
  }

  #nested(label: Label | undefined, body: readonly Statement[]): void {
    this.#labels.push(label);
    this.#statements(body);
    this.#labels.pop();
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case 'comment':
        return;
      case 'set':
        this.#code(statement.value);
        this.#out.byte(LOCAL_SET);
        this.#out.unsigned(statement.local.index);
        return;
      case 'do':
        for (const arg of statement.args) this.#code(arg);
        this.#instruction(statement.op, statement.offset);
        return;
      case 'loop':
      case 'block':
        this.#out.byte(statement.kind === 'loop' ? LOOP : BLOCK);
        this.#out.byte(EMPTY_BLOCK);
        this.#nested(statement.label, statement.body);
        this.#out.byte(END);
        return;
      case 'if':
        this.#code(statement.condition);
        this.#out.byte(IF);
        this.#out.byte(EMPTY_BLOCK);
        this.#nested(undefined, statement.taken);
        if (statement.otherwise.length > 0) {
          this.#out.byte(ELSE);
          this.#nested(undefined, statement.otherwise);
        }
        this.#out.byte(END);
        return;
      case 'branch': {
        if (statement.condition !== undefined) this.#code(statement.condition);
        const place = this.#labels.lastIndexOf(statement.label);
        assert(place >= 0, () => `a branch to ${statement.label.name} from outside`);
        this.#out.byte(statement.condition === undefined ? BR : BR_IF);
        this.#out.unsigned(this.#labels.length - 1 - place);
        return;
      }
    }
  }
}

function section(out: Bytes, id: number, fill: (content: Bytes) => void): void {
  const content = new Bytes();
  fill(content);
  out.byte(id);
  out.sized(content.view);
}

function nameSection(functions: readonly FunctionCode[]): (content: Bytes) => void {
  return (content) => {
    content.name('name');
    const names = new Bytes();
    names.unsigned(functions.length);
    functions.forEach(({ name }, i) => {
      names.unsigned(i);
      names.name(name);
    });
    content.byte(1);
    content.sized(names.view);
  };
}

/** The bytes of a module of `functions`. */
export function encodeModule(functions: readonly FunctionCode[]): Uint8Array {
  const out = new Bytes();
  out.raw(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00));
  section(out, 1, (content) => {
    content.unsigned(functions.length);
    for (const { params, result } of functions) {
      content.byte(FUNCTION_TYPE);
      content.sized(Uint8Array.from(params, ({ type }) => TYPE_BYTE[type]));
      content.sized(Uint8Array.from(result === undefined ? [] : [TYPE_BYTE[result.type]]));
    }
  });
  section(out, 2, (content) => {
    content.unsigned(1);
    content.name('sheaf');
    content.name('memory');
    // At least one page, without a maximum: whoever makes the memory bounds it.
    content.raw(Uint8Array.of(MEMORY_KIND, 0x00, 0x01));
  });
  section(out, 3, (content) => content.sized(Uint8Array.from(functions, (_, i) => i)));
  section(out, 7, (content) => {
    content.unsigned(functions.length);
    functions.forEach(({ name }, i) => {
      content.name(name);
      content.byte(0x00);
      content.unsigned(i);
    });
  });
  section(out, 10, (content) => {
    content.unsigned(functions.length);
    for (const code of functions) content.sized(new BodyEncoder().encode(code));
  });
  section(out, 0, nameSection(functions));
  return out.view.slice();
}
