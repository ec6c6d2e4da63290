/**
 * What writer.ts and kill.test.ts agree on.
 */

/** Rows of a small stream; half of it per batch. */
export const STREAM_ROWS = 40;
/** Rows of a stream that goes through private segments. */
export const LARGE_ROWS = 4_000;

/** Small, so that every path is walked in a few milliseconds. */
export const KILL_BOUNDS = { segmentBytesMax: 300_000, privateSegmentBytesMin: 8_000, snapshotRetentionMs: 0 };
