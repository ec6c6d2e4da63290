/**
 * Which slots of a child vector can be seen through its parent.
 *
 * A child of a null struct or beyond every list may hold nulls even where its field forbids them: nobody sees them.
 * Hides how each nesting layout maps parent rows to child rows. Invariants: made only when a child has nulls that its
 * field forbids; one byte per slot, 1 = visible.
 */
import { offsetAt, offsetWords, runIn } from './offsets.ts';
import type { Vector } from './vector.ts';
import { isPresent } from './vector.ts';

/** Makes the mask of a vector's slots when asked; undefined when every slot is visible. */
export type Visible = (() => Uint8Array) | undefined;

/** The mask of child `index` of `vector`, given that of `vector` itself. Made once, at the first call. */
export function visibleChild(vector: Vector, index: number, visible: Visible): Visible {
  if (vector.type.id === 'struct' && vector.nullCount === 0) return visible;
  let mask: Uint8Array | undefined;
  return () => (mask ??= maskOf(vector, index, visible));
}

function maskOf(vector: Vector, index: number, visible: Visible): Uint8Array {
  const shown = visible?.();
  const mask = new Uint8Array(vector.children[index]?.length ?? 0);
  const seen = (row: number): boolean => (shown === undefined || shown[row] === 1) && isPresent(vector, row);
  markChild(vector, index, seen, mask);
  return mask;
}

function markChild(vector: Vector, index: number, seen: (row: number) => boolean, mask: Uint8Array): void {
  const { type, length } = vector;
  switch (type.id) {
    case 'list':
    case 'map':
    case 'large_list': {
      const offsets = offsetWords(vector.buffers[1] ?? mask, type.id === 'large_list', length + 1);
      for (let i = 0; i < length; i++) if (seen(i)) mask.fill(1, offsets[i], offsets[i + 1]);
      return;
    }
    case 'list_view':
    case 'large_list_view': {
      markRanges(vector, type.id === 'large_list_view', seen, mask);
      return;
    }
    case 'fixed_list':
      for (let i = 0; i < length; i++) if (seen(i)) mask.fill(1, i * type.listSize, (i + 1) * type.listSize);
      return;
    case 'union': {
      const ids = vector.buffers[0] ?? mask;
      const own = type.typeIds[index];
      for (let i = 0; i < length; i++) {
        if (ids[i] !== own || !seen(i)) continue;
        mask[type.mode === 'sparse' ? i : offsetAt(vector.buffers[1] ?? mask, false, i)] = 1;
      }
      return;
    }
    case 'run_end': {
      const ends = vector.children[0];
      const runs = ends === undefined || length === 0 ? 0 : runIn(ends, length - 1) + 1;
      mask.fill(1, 0, runs);
      return;
    }
    default:
      for (let i = 0; i < length && i < mask.length; i++) if (seen(i)) mask[i] = 1;
  }
}

/** List views may overlap at will: counts how many begin and end at each slot, so that the cost stays linear. */
function markRanges(vector: Vector, wide: boolean, seen: (row: number) => boolean, mask: Uint8Array): void {
  const starts = offsetWords(vector.buffers[1] ?? mask, wide, vector.length);
  const sizes = offsetWords(vector.buffers[2] ?? mask, wide, vector.length);
  const change = new Int32Array(mask.length + 1);
  for (let i = 0; i < vector.length; i++) {
    if (!seen(i)) continue;
    const start = starts[i] ?? 0;
    const end = start + (sizes[i] ?? 0);
    change[start] = (change[start] ?? 0) + 1;
    change[end] = (change[end] ?? 0) - 1;
  }
  let open = 0;
  for (let i = 0; i < mask.length; i++) {
    open += change[i] ?? 0;
    mask[i] = open > 0 ? 1 : 0;
  }
}
