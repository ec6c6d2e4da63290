/**
 * Parts of a table: which batches of which segments a range of its rows means, and where to cut it.
 *
 * Hides numbers of messages. Invariants: a batch belongs to the range that holds its first row, so that ranges which
 * follow each other part a table without loss or repetition, wherever they are cut; what a range means is the same as
 * long as the snapshot can be read.
 */
import { present } from '../base/assert.ts';
import type { SegmentView } from './segment.ts';

/** A segment, or some of its batches that follow each other: those among its messages `first` … `end` - 1. */
export interface SegmentPart {
  readonly view: SegmentView;
  readonly first: number;
  readonly end: number;
}

/** All of a segment. */
export function wholeSegment(view: SegmentView): SegmentPart {
  return { view, first: 0, end: view.messageCount };
}

/** The parts of `views` whose batches begin at the rows `from` … `to` - 1, which count from 0, and their rows. */
export async function partsOfRows(
  views: readonly SegmentView[],
  from: number,
  to: number,
): Promise<{ readonly parts: readonly SegmentPart[]; readonly rowCount: number }> {
  const parts: SegmentPart[] = [];
  let rowCount = 0;
  let start = 0;
  for (const view of views) {
    const before = start;
    start += view.rowCount;
    if (view.rowCount === 0 || start <= from || before >= to) continue;
    if (before >= from && start <= to) {
      parts.push(wholeSegment(view));
      rowCount += view.rowCount;
      continue;
    }
    const { part, rows } = await cutSegment(view, from - before, to - before);
    if (rows === 0) continue;
    parts.push(part);
    rowCount += rows;
  }
  return { parts, rowCount };
}

async function cutSegment(
  view: SegmentView,
  from: number,
  to: number,
): Promise<{ readonly part: SegmentPart; readonly rows: number }> {
  const index = await view.segment.loadIndex();
  let first = 0;
  let end = 0;
  let start = 0;
  let rows = 0;
  for (let i = 0; i < view.messageCount && start < to; i++) {
    if (index.isDictionary(i)) continue;
    const count = index.rowCount(i);
    if (start < from) {
      first = i + 1;
    } else {
      end = i + 1;
      rows += count;
    }
    start += count;
  }
  return { part: { view, first, end }, rows };
}

/**
 * Where to cut a table so that the batches of interest fall into at most `most` parts of about the same bytes: rows at
 * which batches begin, ascending, without 0 and the end.
 */
export async function rowCuts(
  views: readonly SegmentView[],
  skips: (view: SegmentView, ordinal: number) => boolean,
  most: number,
): Promise<readonly number[]> {
  const starts: number[] = [];
  const ends: number[] = [];
  let bytes = 0;
  let row = 0;
  for (const view of views) {
    const index = await view.segment.loadIndex();
    for (let i = 0; i < view.messageCount; i++) {
      if (index.isDictionary(i)) continue;
      if (!skips(view, i)) {
        bytes += index.headerLength(i) + index.bodyLength(i);
        starts.push(row);
        ends.push(bytes);
      }
      row += index.rowCount(i);
    }
  }
  const count = Math.min(most, starts.length);
  const cuts: number[] = [];
  let next = 0;
  for (let k = 1; k < count; k++) {
    // At least one batch for each part, before and behind.
    next++;
    while (next < starts.length - (count - k) && present(ends[next - 1], 'an end') < (bytes * k) / count) next++;
    cuts.push(present(starts[next], 'a start'));
  }
  return cuts;
}
