/**
 * How much an LZ4 frame holds, found by walking its sequences without writing anything.
 *
 * The decoder in use has no bound on its output; this walk comes first, so that a lying frame costs no memory.
 * Invariant: reads only `frame`. Source: LZ4 frame format 1.6.x, LZ4 block format.
 *
 *   frame: magic u32, FLG, BD, [content size u64], [dictionary id u32], HC, blocks, 0 u32, [checksum u32]
 *   block: u32 size (high bit: stored as it is), bytes, [checksum u32]
 *   sequence: token (literals << 4 | match), [literal length…], literals, [offset u16, match length…]
 */
const MAGIC = 0x184d_2204;

/**
 * Bytes that `frame` decompresses to; stops, with a number above `most`, as soon as it is passed. @throws Error when
 * it is no frame
 */
export function lz4FrameBytes(frame: Uint8Array, most: number): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.byteLength < 11) throw new Error('the frame is cut off');
  if (view.getUint32(0, true) !== MAGIC) throw new Error('the frame has no LZ4 magic number');
  const flags = view.getUint8(4);
  const blockChecksum = (flags & 0x10) !== 0 ? 4 : 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  let total = 0;
  for (;;) {
    if (at + 4 > frame.byteLength) throw new Error('the frame is cut off');
    const size = view.getUint32(at, true);
    if (size === 0) return total;
    const length = size & 0x7fff_ffff;
    at += 4;
    if (at + length + blockChecksum > frame.byteLength) throw new Error('the frame is cut off');
    total += size >>> 31 === 1 ? length : blockBytes(frame, at, at + length, most - total);
    if (total > most) return total;
    at += length + blockChecksum;
  }
}

/** Bytes of the block at [start, end); stops above `most`. */
function blockBytes(frame: Uint8Array, start: number, end: number, most: number): number {
  let at = start;
  let total = 0;
  while (at < end && total <= most) {
    const token = frame[at++] ?? 0;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && at < end) {
        more = frame[at++] ?? 0;
        literals += more;
      }
    }
    at += literals;
    total += literals;
    if (at >= end) return total;
    at += 2;
    let match = (token & 15) + 4;
    if ((token & 15) === 15) {
      let more = 255;
      while (more === 255 && at < end) {
        more = frame[at++] ?? 0;
        match += more;
      }
    }
    total += match;
  }
  return total;
}
