/**
 * Compressed bodies: LZ4 frames and ZSTD, on the way in only.
 *
 * Hides the codecs: lz4-napi; node:zlib where it knows zstd (Node 22.15), else @bokuweb/zstd-wasm, which must be
 * started before its first use. Invariants: packages are loaded when first needed, so that their absence breaks
 * nothing else; the decompressed size is known and bounded before a codec runs. Source: Arrow format, "Compression";
 * LZ4 frame format.
 *
 *   buffer: int64 uncompressed length (-1 = stored as it is), then one frame
 */
import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { present } from '../base/assert.ts';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { DECOMPRESSION_FREE_BYTES_MAX, DECOMPRESSION_RATIO_MAX, RECEIVE_MESSAGE_BYTES_MAX } from '../base/limits.ts';
import { readInt64 } from './flatbuffer-table.ts';
import type { Codec } from './ipc-header.ts';
import { lz4FrameBytes } from './lz4-frame.ts';

/** Decompresses one frame into exactly `length` bytes, or throws anything. */
type Decode = (frame: Uint8Array, length: number) => Uint8Array;

interface ZstdWasm {
  init(): Promise<void>;
  decompress(frame: Uint8Array, options: { readonly defaultHeapSize: number }): Uint8Array;
}

const load = createRequire(import.meta.url);
let zstdWasm: ZstdWasm | undefined;
let preparing: Promise<void> | undefined;

/**
 * Starts the codec that needs it. The engine awaits this once at open; it never fails, a missing codec is told at
 * use.
 */
export function prepareCodecs(): Promise<void> {
  preparing ??= startZstd();
  return preparing;
}

type ZstdDecompressSync = (input: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

function nodeZstd(): ZstdDecompressSync | undefined {
  return (zlib as { readonly zstdDecompressSync?: ZstdDecompressSync }).zstdDecompressSync;
}

async function startZstd(): Promise<void> {
  if (nodeZstd() !== undefined) return;
  const loaded = tryLoad('@bokuweb/zstd-wasm') as ZstdWasm | undefined;
  await loaded?.init();
  zstdWasm = loaded;
}

/** The package's exports, or undefined when it is not installed; any other failure is thrown. */
function tryLoad(name: string): unknown {
  try {
    return load(name) as unknown;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

interface Lz4 {
  decompressFrameSync(frame: Buffer): Buffer;
}

function lz4Decode(): Decode {
  const lz4 = tryLoad('lz4-napi') as Lz4 | undefined;
  if (lz4 === undefined) {
    throw new EngineError(
      'unimplemented',
      'LZ4 bodies need the package lz4-napi, which is not installed; send without compression',
    );
  }
  return (frame, length) => {
    const most = lz4FrameBytes(frame, length);
    if (most !== length) throw new Error(`the frame holds ${most > length ? 'more' : most.toString()} bytes`);
    return lz4.decompressFrameSync(asBuffer(frame));
  };
}

function zstdDecode(): Decode {
  const native = nodeZstd();
  const wasm = zstdWasm;
  if (native === undefined && wasm === undefined) {
    const remedy = 'use Node 22.15 or later, install @bokuweb/zstd-wasm, or send without compression';
    throw new EngineError('unimplemented', `ZSTD bodies need a decoder that is not here; ${remedy}`);
  }
  return (frame, length) => {
    const declared = zstdContentBytes(frame);
    if (declared !== undefined && declared !== length)
      throw new Error(`the frame holds ${declared.toString()} bytes`);
    if (native !== undefined) return native(frame, { maxOutputLength: length });
    return present(wasm, 'the zstd module').decompress(frame, { defaultHeapSize: length });
  };
}

/** The content size that a ZSTD frame's header tells, if it does. Source: RFC 8878, 3.1.1.1. */
function zstdContentBytes(frame: Uint8Array): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.byteLength < 9) throw new Error('the frame is cut off');
  if (view.getUint32(0, true) !== 0xfd2f_b528) throw new Error('the frame has no ZSTD magic number');
  const descriptor = view.getUint8(4);
  const single = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >>> 6;
  const at = 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  if (sizeFlag === 0) return single ? view.getUint8(at) : undefined;
  if (sizeFlag === 1) return view.getUint16(at, true) + 256;
  return sizeFlag === 2 ? view.getUint32(at, true) : readInt64(view, at);
}

/** Decompresses the buffers of one message, within that message's bounds. */
export class Decompressor {
  private readonly codec: Codec;
  private readonly bodyBytes: number;
  private readonly decode: Decode;
  private total = 0;

  /** @throws `unimplemented` when the codec's package is not there */
  constructor(codec: Codec, bodyBytes: number) {
    this.codec = codec;
    this.bodyBytes = bodyBytes;
    this.decode = codec === 'lz4' ? lz4Decode() : zstdDecode();
  }

  /**
   * The content of `stored`, in new memory unless it was stored as it is. `what` names it. @throws `request_invalid`,
   * `limit_exceeded`
   */
  decompress(stored: Uint8Array, what: string): Uint8Array {
    if (stored.byteLength < 8) {
      throw new EngineError(
        'request_invalid',
        `${what} of ${stored.byteLength.toString()} bytes has no length prefix`,
      );
    }
    const length = readInt64(new DataView(stored.buffer, stored.byteOffset, 8), 0);
    const frame = stored.subarray(8);
    if (length === -1) return frame.byteOffset % 8 === 0 ? frame : new Uint8Array(frame);
    if (length < 0)
      throw new EngineError('request_invalid', `${what} declares ${length.toString()} uncompressed bytes`);
    this.bound(length, what);
    if (length === 0) return new Uint8Array(0);
    const content = this.decoded(frame, length, what);
    return content.byteOffset % 8 === 0
      ? new Uint8Array(content.buffer, content.byteOffset, length)
      : new Uint8Array(content);
  }

  /** The decoder's output, which must be `length` bytes; whatever it throws is the frame's fault. */
  private decoded(frame: Uint8Array, length: number, what: string): Uint8Array {
    try {
      const content = this.decode(frame, length);
      if (content.byteLength !== length) throw new Error(`the frame holds ${content.byteLength.toString()} bytes`);
      return content;
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause);
      const wanted = `${length.toString()} bytes of ${this.codec}`;
      throw new EngineError('request_invalid', `${what} is not ${wanted}: ${detail}`, { cause });
    }
  }

  private bound(length: number, what: string): void {
    this.total += length;
    const most = Math.max(DECOMPRESSION_FREE_BYTES_MAX, this.bodyBytes * DECOMPRESSION_RATIO_MAX);
    if (this.total <= most && this.total <= RECEIVE_MESSAGE_BYTES_MAX) return;
    const from = `${this.bodyBytes.toString()} compressed ones`;
    throw new EngineError(
      'limit_exceeded',
      `${what}: the message unfolds to ${this.total.toString()} bytes from ${from}`,
    );
  }
}
