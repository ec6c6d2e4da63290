/**
 * The vocabulary of generated code: typed expressions, locals, loops, blocks and conditions of WebAssembly.
 *
 * Hides nothing of WebAssembly but its stack: an expression is a tree that knows its type, so that ill-typed code does
 * not pass the TypeScript compiler. Invariants: trees are immutable and have no effects, so that one may stand in
 * several places (whoever wants it computed once binds it to a local); statements are in order; labels are left only
 * from inside. The opcodes stand in opcode.ts, the bytes are made by module.ts.
 * Source: WebAssembly core specification, "Instructions"; mutable-org/mutable, WasmDSL.
 */
import type { OpName } from './opcode.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** A local variable of one function; parameters come first. */
export interface Local<T extends ValueType = ValueType> {
  readonly type: T;
  readonly name: string;
  readonly index: number;
}

/** An expression: `get` of a local, `const`, or an instruction over arguments. */
export interface Code<T extends ValueType = ValueType> {
  readonly type: T;
  readonly op: 'get' | 'const' | OpName;
  readonly args: readonly Code[];
  /** A local, a constant (v128: 16 bytes), the offset of a memory access, or the number of a lane. */
  readonly immediate: Local<T> | number | bigint | Uint8Array | undefined;
}

/** Where a branch goes: to the start of a loop, or past the end of a block. */
export interface Label {
  readonly name: string;
}

export type Statement =
  | { readonly kind: 'set'; readonly local: Local; readonly value: Code }
  /** Instructions without a result: stores, memory.fill and memory.copy. */
  | { readonly kind: 'do'; readonly op: OpName; readonly args: readonly Code[]; readonly offset: number }
  | { readonly kind: 'loop' | 'block'; readonly label: Label; readonly body: readonly Statement[] }
  | {
      readonly kind: 'if';
      readonly condition: Code<'i32'>;
      readonly taken: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: 'branch'; readonly label: Label; readonly condition: Code<'i32'> | undefined }
  /** For readers of the text form; makes no code. */
  | { readonly kind: 'comment'; readonly text: string };

/** A whole function. */
export interface FunctionCode {
  readonly name: string;
  readonly params: readonly Local[];
  readonly locals: readonly Local[];
  readonly body: readonly Statement[];
  readonly result: Code | undefined;
}

function node<T extends ValueType>(
  type: T,
  op: Code['op'],
  args: readonly Code[],
  immediate?: Code<T>['immediate'],
): Code<T> {
  return { type, op, args, immediate };
}

type Binary<T extends ValueType, R extends ValueType = T> = (a: Code<T>, b: Code<T>) => Code<R>;
type Unary<T extends ValueType, R extends ValueType = T> = (a: Code<T>) => Code<R>;

/** An instruction of two operands of one type. */
export function binary<T extends ValueType, R extends ValueType = T>(op: OpName, result: R): Binary<T, R> {
  return (a, b) => node(result, op, [a, b]);
}

/** An instruction of one operand. */
export function unary<T extends ValueType, R extends ValueType = T>(op: OpName, result: R): Unary<T, R> {
  return (a) => node(result, op, [a]);
}

/** The value of a local. */
export function get<T extends ValueType>(local: Local<T>): Code<T> {
  return node(local.type, 'get', [], local);
}

/** `condition` ? a : b, without a branch; both are computed. */
export function select<T extends ValueType>(condition: Code<'i32'>, a: Code<T>, b: Code<T>): Code<T> {
  return node(a.type, 'select', [a, b, condition]);
}

export function i32Const(value: number): Code<'i32'> {
  return node('i32', 'const', [], value | 0);
}

export function i64Const(value: bigint): Code<'i64'> {
  return node('i64', 'const', [], BigInt.asIntN(64, value));
}

export function f64Const(value: number): Code<'f64'> {
  return node('f64', 'const', [], value);
}

/** `low` and `high` as two lanes of 64 bits. */
export function v128Const(low: bigint, high: bigint): Code<'v128'> {
  return node('v128', 'const', [], new Uint8Array(BigInt64Array.of(low, high).buffer));
}

/** A value from memory, at `address` + `offset` bytes. */
export function load<T extends ValueType>(type: T, op: OpName, address: Code<'i32'>, offset: number): Code<T> {
  return node(type, op, [address], offset);
}

/** One lane of a vector. */
export function lane<T extends ValueType>(type: T, op: OpName, vector: Code<'v128'>, index: 0 | 1): Code<T> {
  return node(type, op, [vector], index);
}

/** Builds one function: statements go where the innermost open loop, block or condition is. */
export class FunctionBuilder {
  readonly #name: string;
  readonly #params: Local[] = [];
  readonly #locals: Local[] = [];
  #open: Statement[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  param<T extends ValueType>(type: T, name: string): Local<T> {
    const local: Local<T> = { type, name, index: this.#params.length };
    this.#params.push(local);
    return local;
  }

  /** A new local, zero at first. Parameters must be there already. */
  local<T extends ValueType>(type: T, name: string): Local<T> {
    const index = this.#params.length + this.#locals.length;
    const local: Local<T> = { type, name: `${name}${index.toString()}`, index };
    this.#locals.push(local);
    return local;
  }

  set<T extends ValueType>(local: Local<T>, value: Code<T>): void {
    this.#open.push({ kind: 'set', local, value });
  }

  /** Computes `value` here and once; constants and locals stay as they are. */
  bind<T extends ValueType>(value: Code<T>, name: string): Code<T> {
    if (value.op === 'get' || value.op === 'const') return value;
    const local = this.local(value.type, name);
    this.set(local, value);
    return get(local);
  }

  store(op: OpName, address: Code<'i32'>, offset: number, value: Code): void {
    this.#open.push({ kind: 'do', op, args: [address, value], offset });
  }

  fill(address: Code<'i32'>, byte: Code<'i32'>, length: Code<'i32'>): void {
    this.#open.push({ kind: 'do', op: 'memory.fill', args: [address, byte, length], offset: 0 });
  }

  comment(text: string): void {
    this.#open.push({ kind: 'comment', text });
  }

  branch(label: Label, condition?: Code<'i32'>): void {
    this.#open.push({ kind: 'branch', label, condition });
  }

  #within(make: () => void): readonly Statement[] {
    const outer = this.#open;
    const inner: Statement[] = [];
    this.#open = inner;
    make();
    this.#open = outer;
    return inner;
  }

  /** `body` until it no longer branches to the label that it is given. */
  loop(name: string, body: (again: Label) => void): void {
    const label = { name };
    const inner = this.#within(() => body(label));
    this.#open.push({ kind: 'loop', label, body: inner });
  }

  /** `body`, left early by a branch to the label that it is given. */
  block(name: string, body: (leave: Label) => void): void {
    const label = { name };
    const inner = this.#within(() => body(label));
    this.#open.push({ kind: 'block', label, body: inner });
  }

  when(condition: Code<'i32'>, then: () => void, otherwise: () => void = () => undefined): void {
    const taken = this.#within(then);
    this.#open.push({ kind: 'if', condition, taken, otherwise: this.#within(otherwise) });
  }

  /** `body` for counter = counter, counter + step … while counter < end. */
  count(name: string, counter: Local<'i32'>, end: Code<'i32'>, step: number, body: () => void): void {
    this.block(`${name}_end`, (leave) => {
      this.loop(name, (again) => {
        this.branch(leave, binary<'i32'>('i32.ge_u', 'i32')(get(counter), end));
        body();
        this.set(counter, binary<'i32'>('i32.add', 'i32')(get(counter), i32Const(step)));
        this.branch(again);
      });
    });
  }

  finish(result?: Code): FunctionCode {
    return { name: this.#name, params: this.#params, locals: this.#locals, body: this.#open, result };
  }
}
