/**
 * Request bodies: SQL texts of bounded size, and streams of any size.
 *
 * Hides content encodings, stalls and clients that go away. Invariants: a stream holds no more than a piece in
 * memory; a text is refused as soon as it is known to be too long, also after decompression; encodings other than
 * those here are refused, never passed through.
 */
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { concatBytes, formatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { HTTP_DISCARD_MS_MAX, HTTP_SQL_BODY_BYTES_MAX, HTTP_STALL_MS_MAX } from '../base/limits.ts';
import type { Exchange } from './exchange.ts';
import { RouteError } from './status.ts';

const ENCODINGS = 'gzip, deflate, br, identity';

/** The body's bytes after decoding, as they come. Ends with `cancelled` when the client goes away in the middle. */
export async function* receiveBody(exchange: Exchange): AsyncGenerator<Uint8Array> {
  const pieces = decoded(exchange)[Symbol.asyncIterator]();
  const stall = (): void => {
    exchange.request.destroy(new EngineError('deadline', 'the upload stood still for too long'));
  };
  try {
    for (;;) {
      const timer = setTimeout(stall, HTTP_STALL_MS_MAX);
      const next = await pieces.next().finally(() => {
        clearTimeout(timer);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw bodyError(error);
  }
}

function decoded(exchange: Exchange): AsyncIterable<Uint8Array> {
  const encoding = (exchange.request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return counted(exchange);
  if (encoding !== 'gzip' && encoding !== 'deflate' && encoding !== 'br') {
    throw new RouteError(
      415,
      'request_invalid',
      `the content encoding ${encoding} is not read here; use ${ENCODINGS}`,
      {
        headers: { 'Accept-Encoding': ENCODINGS },
      },
    );
  }
  // Errors reach the reader through the decoder, which pipeline destroys with them.
  const decoder = encoding === 'br' ? createBrotliDecompress() : createUnzip();
  return pipeline(counted(exchange), decoder, () => undefined);
}

/**
 * The bytes as they come over the wire. Stopping early leaves the connection alone, so that an answer can still be
 * sent.
 */
async function* counted(exchange: Exchange): AsyncGenerator<Uint8Array> {
  for await (const piece of exchange.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    exchange.requestBytes += piece.byteLength;
    yield piece;
  }
}

/** Reads and forgets what is left of a body, for some time, so that its sender comes to read the answer. */
export function discardRest(exchange: Exchange): void {
  const { request } = exchange;
  if (request.complete || request.destroyed) return;
  request.removeAllListeners('readable');
  request.removeAllListeners('data');
  request.resume();
  const timer = setTimeout(() => request.destroy(), HTTP_DISCARD_MS_MAX);
  request.once('close', () => {
    clearTimeout(timer);
  });
}

/**
 * Ends an early answer, but only once the body was read or given up (see discardRest): with `Connection: close` the
 * end closes the socket, and a client that sends all before it reads would see a broken pipe instead of the answer.
 */
export function endAfterBody({ request, response }: Exchange, bytes: Uint8Array | undefined): void {
  if (request.complete || request.destroyed) {
    response.end(bytes);
    return;
  }
  if (bytes !== undefined) response.write(bytes);
  const end = (): void => {
    if (!response.writableEnded) response.end();
  };
  request.once('end', end);
  request.once('close', end);
}

function bodyError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof EngineError) return error;
  const code = 'code' in error ? String(error.code) : '';
  if (/^(Z_|ERR_BROTLI|ERR__ERROR_FORMAT|ERR_PADDING)/.test(code)) {
    return new EngineError('request_invalid', `the body does not decompress: ${error.message}`, { cause: error });
  }
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'EPIPE') {
    return new EngineError('cancelled', 'the client went away before its body ended; nothing was kept', {
      cause: error,
    });
  }
  return error;
}

/** The whole body as text. @throws `limit_exceeded`, `request_invalid` when it is not UTF-8 */
export async function receiveText(exchange: Exchange): Promise<string> {
  const announced = Number(exchange.request.headers['content-length'] ?? '0');
  if (announced > HTTP_SQL_BODY_BYTES_MAX) throw tooLong(`${formatBytes(announced)} long`);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of receiveBody(exchange)) {
    bytes += piece.byteLength;
    if (bytes > HTTP_SQL_BODY_BYTES_MAX) throw tooLong('longer');
    pieces.push(piece);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(concatBytes(pieces));
  } catch (error) {
    throw new EngineError('request_invalid', 'the body is not valid UTF-8 text', { cause: error });
  }
}

function tooLong(what: string): EngineError {
  const most = formatBytes(HTTP_SQL_BODY_BYTES_MAX);
  return new EngineError(
    'limit_exceeded',
    `an SQL body has at most ${most}, this one is ${what}; insert rows by /insert/arrow`,
  );
}
