/**
 * Runs the programs of patterns over bytes, in time linear in them, whatever the pattern.
 *
 * Hides two machines: an automaton whose states are made as texts need them, for whether a text matches, and a machine
 * of threads in order of preference, for where. Invariants: neither goes back in the text; a place of the text costs
 * at most one visit of each instruction; visits are counted, and PATTERN_STEPS_MAX of them over one batch are
 * `limit_exceeded`; the automaton keeps a bounded number of states and begins anew beyond it.
 * Source: R. Cox, "Regular Expression Matching Can Be Simple And Fast", "…: the Virtual Machine Approach".
 */
import { EngineError } from '../base/errors.ts';
import { PATTERN_STEPS_MAX } from '../base/limits.ts';
import { OP_ASSERT, OP_BYTE, OP_JUMP, OP_MATCH, OP_SAVE, OP_SPLIT } from './pattern-program.ts';
import type { Program } from './pattern-program.ts';

/** Steps left for one batch. */
export class StepBudget {
  readonly #most: number;
  #left: number;

  constructor(most = PATTERN_STEPS_MAX) {
    this.#most = most;
    this.#left = most;
  }

  /** @throws `limit_exceeded` */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left >= 0) return;
    const bound = this.#most.toString();
    throw new EngineError(
      'limit_exceeded',
      `a pattern takes more than ${bound} steps over one batch; make it simpler`,
    );
  }
}

/** What stands beside a place in the text. */
const EDGE = 0;
const NEWLINE = 1;
const WORD = 2;
const OTHER = 3;

function kindOf(byte: number): number {
  if (byte === 10) return NEWLINE;
  const isWord =
    (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || (byte >= 48 && byte <= 57) || byte === 95;
  return isWord ? WORD : OTHER;
}

/** True for the bytes of a character that are not its first. */
function isInside(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte < 0xc0;
}

/** Whether assertion number `assertion` holds between two kinds of neighbours. */
function holdsBetween(assertion: number, before: number, after: number): boolean {
  switch (assertion) {
    case 0:
      return before === EDGE;
    case 1:
      return after === EDGE;
    case 2:
      return before === EDGE || before === NEWLINE;
    case 3:
      return after === EDGE || after === NEWLINE;
    case 4:
      return (before === WORD) !== (after === WORD);
    default:
      return (before === WORD) === (after === WORD);
  }
}

/** Instructions at a place, each once. */
class Visited {
  readonly #marks: Int32Array;
  #mark = 0;

  constructor(size: number) {
    this.#marks = new Int32Array(size);
  }

  clear(): void {
    this.#mark++;
  }

  /** True at the first call for `pc` since `clear`. */
  add(pc: number): boolean {
    if (this.#marks[pc] === this.#mark) return false;
    this.#marks[pc] = this.#mark;
    return true;
  }
}

const UNKNOWN = 0;
const MATCHED = -1;
const DEAD = -2;
const STATES = 1_000;
const INPUTS = 257;
const END = 256;

/**
 * Answers whether a text matches. A state is the instructions that wait for what comes next, with the kind of the
 * byte before them; assertions are judged when that is known, and so a match is seen one byte late.
 */
class Automaton {
  readonly #program: Program;
  readonly #anchored: boolean;
  readonly #budget: StepBudget;
  readonly #visited: Visited;
  #states: Int32Array[] = [];
  #before: number[] = [];
  #ids = new Map<string, number>();
  /** Where each input leads: a state plus 1, or UNKNOWN, MATCHED, DEAD. */
  #table = new Int32Array(0);

  /** `anchored`: the whole text must match. */
  constructor(program: Program, anchored: boolean, budget: StepBudget) {
    this.#program = program;
    this.#anchored = anchored;
    this.#budget = budget;
    this.#visited = new Visited(program.ops.length);
    this.#reset();
  }

  #reset(): void {
    this.#states = [];
    this.#before = [];
    this.#ids = new Map();
    this.#table = new Int32Array(INPUTS * 4);
    this.#stateOf([0], EDGE);
  }

  matches(bytes: Uint8Array): boolean {
    this.#budget.spend(bytes.length);
    let state = 0;
    for (let at = 0; at <= bytes.length; at++) {
      const input = at < bytes.length ? (bytes[at] as number) : END;
      let next = this.#table[state * INPUTS + input] as number;
      if (next === UNKNOWN) next = this.#step(state, input);
      if (next < 0) return next === MATCHED;
      state = next - 1;
    }
    return false;
  }

  #stateOf(pcs: readonly number[], before: number): number {
    const key = `${before.toString()}:${pcs.join(',')}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#states.length;
    this.#states.push(Int32Array.from(pcs));
    this.#before.push(before);
    this.#ids.set(key, id);
    if ((id + 1) * INPUTS > this.#table.length) {
      const grown = new Int32Array(this.#table.length * 2);
      grown.set(this.#table);
      this.#table = grown;
    }
    return id;
  }

  /** Where `input` leads from `state`; remembered. */
  #step(state: number, input: number): number {
    const { ops, xs, ys } = this.#program;
    const after = input === END ? EDGE : kindOf(input);
    const before = this.#before[state] as number;
    const waiting: number[] = [];
    const open = Array.from(this.#states[state] as Int32Array).reverse();
    let matched = false;
    this.#visited.clear();
    let visits = 0;
    for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
      // A match begins at instruction 0, and not within a character.
      if ((pc === 0 && isInside(input)) || !this.#visited.add(pc)) continue;
      visits++;
      const x = xs[pc] as number;
      switch (ops[pc]) {
        case OP_BYTE:
          if (input >= x && input <= (ys[pc] as number)) waiting.push(pc + 1);
          break;
        case OP_SPLIT:
          open.push(ys[pc] as number, x);
          break;
        case OP_JUMP:
          open.push(x);
          break;
        case OP_ASSERT:
          if (holdsBetween(x, before, after)) open.push(pc + 1);
          break;
        case OP_SAVE:
          open.push(pc + 1);
          break;
        default:
          matched ||= !this.#anchored || input === END;
      }
    }
    this.#budget.spend(visits);
    return this.#remember(state, input, matched, waiting, after);
  }

  #remember(state: number, input: number, matched: boolean, waiting: number[], after: number): number {
    const at = state * INPUTS + input;
    if (matched || input === END) return (this.#table[at] = matched ? MATCHED : DEAD);
    if (!this.#anchored) waiting.push(0);
    if (waiting.length === 0) return (this.#table[at] = DEAD);
    const pcs = [...new Set(waiting)].sort((a, b) => a - b);
    if (this.#states.length >= STATES) {
      this.#reset();
      return this.#stateOf(pcs, after) + 1;
    }
    const next = this.#stateOf(pcs, after) + 1;
    this.#table[at] = next;
    return next;
  }
}

/** Marks the bytes with which a match can begin; undefined where it can begin with any, or be empty. */
function firstBytes({ ops, xs, ys }: Program): Uint8Array | undefined {
  const marks = new Uint8Array(256);
  const seen = new Set<number>();
  const open = [0];
  for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
    if (seen.has(pc)) continue;
    seen.add(pc);
    const x = xs[pc] as number;
    if (ops[pc] === OP_MATCH) return undefined;
    if (ops[pc] === OP_BYTE) marks.fill(1, x, (ys[pc] as number) + 1);
    else if (ops[pc] === OP_SPLIT) open.push(x, ys[pc] as number);
    else open.push(ops[pc] === OP_JUMP ? x : pc + 1);
  }
  return marks;
}

/** Threads at one place that take the byte there or have matched, the preferred ones first; each with its slots. */
class Threads {
  readonly pcs: Int32Array;
  readonly slots: Int32Array;
  count = 0;

  constructor(size: number, slotCount: number) {
    this.pcs = new Int32Array(size);
    this.slots = new Int32Array(size * slotCount);
  }
}

/** A compiled pattern, ready to run. Not to be used by two batches at a time. */
export class Matcher {
  readonly groupCount: number;
  readonly #program: Program;
  readonly #budget: StepBudget;
  readonly #slotCount: number;
  readonly #visited: Visited;
  readonly #open: number[] = [];
  readonly #firsts: Uint8Array | undefined;
  readonly #scratch: Int32Array;
  readonly #unset: Int32Array;
  #current: Threads;
  #next: Threads;
  #anywhere: Automaton | undefined;
  #whole: Automaton | undefined;

  constructor(program: Program, budget: StepBudget) {
    this.#program = program;
    this.#budget = budget;
    this.groupCount = program.groupCount;
    this.#slotCount = program.slotCount;
    this.#firsts = firstBytes(program);
    this.#scratch = new Int32Array(program.slotCount);
    this.#unset = new Int32Array(program.slotCount).fill(-1);
    this.#visited = new Visited(program.ops.length);
    this.#current = new Threads(0, 0);
    this.#next = new Threads(0, 0);
  }

  /** Whether the pattern matches somewhere in the text. */
  matches(bytes: Uint8Array): boolean {
    this.#anywhere ??= new Automaton(this.#program, false, this.#budget);
    return this.#anywhere.matches(bytes);
  }

  /** Whether the pattern matches the whole text. */
  matchesWhole(bytes: Uint8Array): boolean {
    this.#whole ??= new Automaton(this.#program, true, this.#budget);
    return this.#whole.matches(bytes);
  }

  /**
   * The first match at or after `from`: the start and end of it and of each group, -1 where a group took no part. Of
   * matches that begin at one place it is the one that backtracking would find.
   */
  find(bytes: Uint8Array, from: number): Int32Array | undefined {
    const size = this.#program.ops.length;
    if (this.#current.pcs.length < size) {
      this.#current = new Threads(size, this.#slotCount);
      this.#next = new Threads(size, this.#slotCount);
    }
    const firsts = this.#firsts;
    let found: Int32Array | undefined;
    this.#current.count = 0;
    this.#visited.clear();
    for (let at = from; at <= bytes.length; at++) {
      if (found === undefined && this.#current.count === 0) {
        while (firsts !== undefined && at < bytes.length && firsts[bytes[at] as number] === 0) at++;
        this.#visited.clear();
      }
      if (found === undefined && !isInside(bytes[at])) this.#add(this.#current, 0, bytes, at, this.#unset, 0);
      if (this.#current.count === 0 && found !== undefined) break;
      this.#budget.spend(this.#current.count + 1);
      this.#visited.clear();
      this.#next.count = 0;
      found = this.#advance(bytes, at) ?? found;
      [this.#current, this.#next] = [this.#next, this.#current];
    }
    return found;
  }

  /** Moves the threads over the byte at `at`; answers the slots of one that has matched, which ends those after it. */
  #advance(bytes: Uint8Array, at: number): Int32Array | undefined {
    const { ops } = this.#program;
    const { pcs, slots, count } = this.#current;
    for (let t = 0; t < count; t++) {
      const pc = pcs[t] as number;
      const own = t * this.#slotCount;
      if (ops[pc] === OP_MATCH) return slots.slice(own, own + this.#slotCount);
      this.#add(this.#next, pc + 1, bytes, at + 1, slots, own);
    }
    return undefined;
  }

  /**
   * Follows instructions that take no byte, and adds threads for those that do, with the slots of `from` that begin at
   * `base`.
   */
  #add(threads: Threads, start: number, bytes: Uint8Array, at: number, from: Int32Array, base: number): void {
    const { ops, xs, ys } = this.#program;
    const before = at === 0 ? EDGE : kindOf(bytes[at - 1] as number);
    const after = at === bytes.length ? EDGE : kindOf(bytes[at] as number);
    const next = at === bytes.length ? -1 : (bytes[at] as number);
    const slots = this.#scratch;
    const slotCount = this.#slotCount;
    for (let k = 0; k < slotCount; k++) slots[k] = from[base + k] as number;
    const open = this.#open;
    let visits = 0;
    open.push(start);
    for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
      // A negative entry gives slot -1 - pc back the value below it.
      if (pc < 0) {
        slots[-1 - pc] = open.pop() as number;
        continue;
      }
      if (!this.#visited.add(pc)) continue;
      visits++;
      const x = xs[pc] as number;
      switch (ops[pc]) {
        case OP_SPLIT:
          open.push(ys[pc] as number, x);
          break;
        case OP_JUMP:
          open.push(x);
          break;
        case OP_ASSERT:
          if (holdsBetween(x, before, after)) open.push(pc + 1);
          break;
        case OP_SAVE:
          open.push(slots[x] as number, -1 - x, pc + 1);
          slots[x] = at;
          break;
        default:
          // A thread that the next byte ends is not worth its slots.
          if (ops[pc] === OP_BYTE && (next < x || next > (ys[pc] as number))) break;
          threads.pcs[threads.count] = pc;
          for (let k = 0; k < slotCount; k++) threads.slots[threads.count * slotCount + k] = slots[k] as number;
          threads.count++;
      }
    }
    this.#budget.spend(visits);
  }
}
