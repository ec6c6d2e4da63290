/**
 * Modules by shape: what generated code is compiled to, kept and counted.
 *
 * Hides WebAssembly's own interface and the cache. Invariants: a shape names its code, so that a shape that was seen
 * is not compiled again while it is among the last CODE_MODULES_MAX used; memories are made here, no larger than they
 * are asked to be; what a query's memory grew to goes with the query, and small ones are used again by queries of the
 * same shape, all zero, as long as all that are kept stay below CODE_MEMORY_KEPT_BYTES_MAX.
 */
import { EngineError } from '../base/errors.ts';
import { CODE_MEMORY_KEPT_BYTES_MAX, CODE_MODULES_MAX } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';

/** What of WebAssembly's interface is used; TypeScript declares it only for browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => CompiledModule;
  readonly Instance: new (
    module: CompiledModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, CompiledFunction>> };
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => LinearMemory;
};

/** A compiled module, without any state. */
export interface CompiledModule {
  readonly [brand]: never;
}
declare const brand: unique symbol;

/** A function of generated code; an i32 that it answers is signed. */
export type CompiledFunction = (...args: readonly number[]) => number;

/** Memory of generated code; growing it detaches earlier views of `buffer`. */
export interface LinearMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const PAGE_BYTES = 65_536;
/** What 32 bits can address. */
const PAGES = 65_536;

const modules = new Map<string, CompiledModule>();
let compiled = 0;
let reused = 0;
const compiledTotal = makeCounter('code_modules_compiled_total', 'Query shapes that were compiled to WebAssembly.');
const reusedTotal = makeCounter('code_modules_reused_total', 'Uses of a shape that was compiled already.');

/** How often a shape was compiled, and how often one was there already, since the process began. */
export function compileCounts(): { readonly compiled: number; readonly reused: number } {
  return { compiled, reused };
}

/** The module of `shape`; `encode` gives its bytes when it has to be compiled. */
export function moduleOf(shape: string, encode: () => Uint8Array): CompiledModule {
  let module = modules.get(shape);
  if (module === undefined) {
    module = new WebAssembly.Module(encode());
    compiled++;
    compiledTotal.inc();
    const [oldest] = modules.keys();
    if (modules.size >= CODE_MODULES_MAX && oldest !== undefined) modules.delete(oldest);
  } else {
    reused++;
    reusedTotal.inc();
    modules.delete(shape);
  }
  modules.set(shape, module);
  return module;
}

/** The functions of a module over a memory. */
export function instantiate(
  module: CompiledModule,
  memory: LinearMemory,
): Readonly<Record<string, CompiledFunction>> {
  return new WebAssembly.Instance(module, { sheaf: { memory } }).exports;
}

function noMemory(bytes: number, cause: unknown): EngineError {
  const text = `the process has no memory for ${bytes.toString()} more bytes of a query; try again, or filter rows`;
  return new EngineError('busy', text, { cause });
}

/** A memory of at least `bytes` bytes, all zero. @throws `busy` when the process has none left */
export function makeMemory(bytes: number): LinearMemory {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES), maximum: PAGES });
  } catch (error) {
    throw noMemory(bytes, error);
  }
}

/** Makes a memory at least `bytes` long; what is new is zero. @throws `busy` when the process has none left */
export function growMemory(memory: LinearMemory, bytes: number): void {
  const pages = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES);
  if (pages <= 0) return;
  try {
    memory.grow(pages);
  } catch (error) {
    throw noMemory(bytes, error);
  }
}

/** A memory, and what was instantiated over it. */
export interface Workspace {
  readonly memory: LinearMemory;
  /** Functions by the variant of the code that they are of. */
  readonly functions: Map<string, Readonly<Record<string, CompiledFunction>>>;
}

/** Workspaces that nobody uses, by shape: one each. */
const workspaces = new Map<string, Workspace>();
let keptBytes = 0;

/**
 * A workspace of `bytes` bytes, all zero, for the code of `shape`; what it was used for before, if it was, was of that
 * shape and size too. @throws `busy` when the process has no memory left
 */
export function takeWorkspace(shape: string, bytes: number): Workspace {
  const kept = workspaces.get(shape);
  if (kept !== undefined) {
    workspaces.delete(shape);
    keptBytes -= kept.memory.buffer.byteLength;
  }
  if (kept === undefined || kept.memory.buffer.byteLength < bytes) {
    return { memory: makeMemory(bytes), functions: new Map() };
  }
  new Uint8Array(kept.memory.buffer).fill(0);
  return kept;
}

/** Gives a workspace back, which nobody may look at any more; what grew beyond `bytes` is not kept. */
export function giveWorkspace(shape: string, bytes: number, workspace: Workspace): void {
  const { byteLength } = workspace.memory.buffer;
  if (byteLength >= bytes + PAGE_BYTES || byteLength > CODE_MEMORY_KEPT_BYTES_MAX / 4 || workspaces.has(shape))
    return;
  workspaces.set(shape, workspace);
  keptBytes += byteLength;
  for (const [oldest, { memory }] of workspaces) {
    if (keptBytes <= CODE_MEMORY_KEPT_BYTES_MAX) return;
    workspaces.delete(oldest);
    keptBytes -= memory.buffer.byteLength;
  }
}
