/**
 * Aggregates over frames whose states can be combined: variances, regressions, products, bits.
 *
 * Hides nodes. Method: where frames begin with their partition and only grow, each row goes to the first frame that
 * has it, and the state of each frame is added to that of the next; else states of each sixteen rows, of each sixteen
 * of those, and so on, are made once, and a frame is put together from the largest that it holds (a segment tree: Leis
 * et al., "Efficient Processing of Window Functions in Analytical SQL Queries", VLDB 2015). Invariants: some frames at
 * once, so that rows and states held beside the tree are bounded; cancellation is looked at for each such lot.
 */
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { assert } from '../base/assert.ts';
import type { Accumulator } from '../function/contract.ts';
import type { WindowCall } from '../plan/expr.ts';
import { makeAccumulator, pick } from './accumulator.ts';
import { gather, NO_ROW } from '../function/gather.ts';
import { joinParts } from './join.ts';
import { step } from './operator.ts';
import type { RunContext } from './operator.ts';
import type { Frames } from './window-frame.ts';
import { piecesAt } from './window-frame.ts';
import { placesOf } from './window-mask.ts';
import type { WindowOrder } from './window-order.ts';
import type { WindowResult } from './window-result.ts';
import { placedResult } from './window-result.ts';
import { paced } from './work.ts';

const FAN = 16;
/** Frames that are computed at once. */
const LOT_FRAMES = 4096;

type Merging = Accumulator & Required<Pick<Accumulator, 'merge'>>;

/** What one call asks: its arguments by place, and the places taken. */
interface Asked {
  readonly args: readonly Vector[];
  readonly taken: Uint8Array | undefined;
  make(): Merging;
}

/** The values of such a call; `taken` flags the places that FILTER and DISTINCT leave. */
export async function mergedResult(
  order: WindowOrder,
  call: WindowCall,
  frames: Frames,
  taken: Uint8Array | undefined,
  context: RunContext,
): Promise<WindowResult> {
  const types = call.args.map((arg) => arg.type);
  const make = (): Merging => {
    const accumulator = makeAccumulator(call.name, types, call.constants);
    assert('merge' in accumulator, 'a state that can be combined');
    return accumulator as Merging;
  };
  const args: Vector[] = [];
  for (const arg of call.args) args.push(await paced(order.sorted(arg), context));
  const asked: Asked = { args, taken, make };
  const vector = await (frames.isRunning ? scanned(asked, frames, context) : fromTree(asked, frames, context));
  return paced(placedResult(order, vector), context);
}

function takeRows({ args }: Asked, into: Accumulator, places: Uint32Array, groups: Uint32Array, count: number): void {
  for (let start = 0; start < places.length; start += BATCH_ROWS_MAX) {
    const end = Math.min(start + BATCH_ROWS_MAX, places.length);
    const some = places.subarray(start, end);
    const vectors = args.map((arg) => gather(arg, some));
    into.update(vectors, groups.subarray(start, end), some.length, count);
  }
}

/** Frames that grow: each is the one before it and some rows more. */
async function scanned(asked: Asked, { begins, ends }: Frames, context: RunContext): Promise<Vector> {
  const count = begins.length;
  const all = placesOf(asked.taken, count);
  const parts: Vector[] = [];
  let before: Merging | undefined;
  let at = 0;
  for (let start = 0; start < count; start += BATCH_ROWS_MAX) {
    await step(context);
    const end = Math.min(start + BATCH_ROWS_MAX, count);
    const states = asked.make();
    const places: number[] = [];
    const groups: number[] = [];
    for (let i = start; i < end; i++) {
      // Rows that no frame before this one in its partition has had; those of partitions gone by are never asked for.
      while (at < all.length && (all[at] as number) < (begins[i] as number)) at++;
      for (; at < all.length && (all[at] as number) < (ends[i] as number); at++) {
        places.push(all[at] as number);
        groups.push(i - start);
      }
    }
    takeRows(asked, states, Uint32Array.from(places), Uint32Array.from(groups), end - start);
    if (before !== undefined && begins[start] === begins[start - 1]) {
      states.merge(before, Uint32Array.of(BATCH_ROWS_MAX - 1), Uint32Array.of(0), end - start);
    }
    const follows = Uint32Array.from({ length: end - start }, (_, i) => i).filter((i) => {
      return i > 0 && begins[start + i] === begins[start + i - 1];
    });
    states.merge(
      states,
      follows.map((i) => i - 1),
      follows,
      end - start,
    );
    parts.push(states.finish(end - start));
    before = states;
  }
  return joinParts(parts);
}

/** States of each sixteen rows, of each sixteen of those, and so on. */
async function makeTree(asked: Asked, count: number, context: RunContext): Promise<readonly Merging[]> {
  const levels: Merging[] = [];
  const places = placesOf(asked.taken, count);
  const nodes = places.map((place) => Math.floor(place / FAN));
  for (let size = Math.ceil(count / FAN), level = 0; level === 0 || size > 1; level++) {
    await step(context);
    const states = asked.make();
    const below = levels[level - 1];
    if (below === undefined) {
      takeRows(asked, states, places, nodes, size);
    } else {
      const from = Uint32Array.from({ length: size }, (_, i) => i);
      size = Math.ceil(size / FAN);
      states.merge(
        below,
        from,
        from.map((node) => Math.floor(node / FAN)),
        size,
      );
    }
    levels.push(states);
  }
  return levels;
}

/** What a lot of frames takes of one level: nodes, or of the lowest rows, and the frame of each. */
class Parts {
  nodes = new Uint32Array(1024);
  frames = new Uint32Array(1024);
  count = 0;

  add(from: number, to: number, frame: number): void {
    if (this.count + to - from > this.nodes.length) this.#makeRoom(this.count + to - from);
    for (let node = from; node < to; node++) {
      this.nodes[this.count] = node;
      this.frames[this.count++] = frame;
    }
  }

  #makeRoom(count: number): void {
    const [nodes, frames] = [this.nodes, this.frames];
    this.nodes = new Uint32Array(2 * count);
    this.frames = new Uint32Array(2 * count);
    this.nodes.set(nodes);
    this.frames.set(frames);
  }
}

async function fromTree(asked: Asked, frames: Frames, context: RunContext): Promise<Vector> {
  const count = frames.begins.length;
  const levels = await makeTree(asked, count, context);
  const held = context.memory.change(
    'a window',
    0,
    levels.reduce((sum, level) => sum + level.byteCount(), 0),
  );
  const vectors: Vector[] = [];
  const pieces = new Uint32Array(6);
  for (let start = 0; start < count; start += LOT_FRAMES) {
    await step(context);
    const end = Math.min(start + LOT_FRAMES, count);
    const parts = [undefined, ...levels].map(() => new Parts());
    for (let i = start; i < end; i++) {
      const pieceCount = piecesAt(frames, i, pieces);
      for (let k = 0; k < pieceCount; k++) {
        cover(parts, pieces[2 * k] as number, pieces[2 * k + 1] as number, i - start);
      }
    }
    const states = asked.make();
    parts.forEach(({ nodes, frames: groups, count: size }, level) => {
      const below = levels[level - 1];
      if (below !== undefined) states.merge(below, nodes.subarray(0, size), groups.subarray(0, size), end - start);
      else takeFlagged(asked, states, nodes.subarray(0, size), groups.subarray(0, size), end - start);
    });
    vectors.push(states.finish(end - start));
  }
  context.memory.change('a window', held, 0);
  return joinParts(vectors);
}

/** Rows of which some may not be taken. */
function takeFlagged(asked: Asked, into: Merging, places: Uint32Array, groups: Uint32Array, count: number): void {
  const { taken } = asked;
  if (taken === undefined) {
    takeRows(asked, into, places, groups, count);
    return;
  }
  const kept = Uint32Array.from(places, (place, i) => (taken[place] === 1 ? i : NO_ROW)).filter((i) => i !== NO_ROW);
  takeRows(asked, into, pick(places, kept), pick(groups, kept), count);
}

/** Puts the half-open range together from rows at its ends and the largest nodes between. */
function cover(parts: readonly Parts[], from: number, to: number, frame: number): void {
  let [begin, end] = [from, to];
  for (let level = 0; begin < end; level++) {
    const own = parts[level] as Parts;
    if (end - begin <= FAN || level === parts.length - 1) {
      own.add(begin, end, frame);
      return;
    }
    const inner = Math.ceil(begin / FAN);
    const outer = Math.floor(end / FAN);
    own.add(begin, inner * FAN, frame);
    own.add(outer * FAN, end, frame);
    begin = inner;
    end = outer;
  }
}
