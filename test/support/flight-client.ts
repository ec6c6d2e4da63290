/**
 * A Flight client below pyarrow: grpc-js with raw message bytes, for streams that no well-behaved client sends.
 *
 * Hides channels. Invariant: `close` ends the connection; errors are given as gRPC status, details and our trailers.
 */
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js';

const SERVICE = '/arrow.flight.protocol.FlightService/';
const same = (bytes: Buffer): Buffer => bytes;

/** How a call ended. */
export interface Ending {
  readonly grpc: number;
  readonly details: string;
  readonly code: string;
  readonly position: string;
}

interface ReadOptions {
  readonly deadlineMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RawFlight {
  /** Begins a call with one request; messages come as bytes. */
  read(rpc: string, request: Uint8Array, options?: ReadOptions): ClientReadableStream<Buffer>;
  /** Begins a call that both sides stream on. */
  stream(rpc: string, headers?: Readonly<Record<string, string>>): ClientDuplexStream<Buffer, Buffer>;
  close(): void;
}

/** Connects with no limit on message sizes; `options` are grpc-js's channel options. */
export function rawFlight(address: string, options: Readonly<Record<string, number>> = {}): RawFlight {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  });
  return {
    read: (rpc, request, { deadlineMs, headers = {} } = {}) =>
      client.makeServerStreamRequest(
        SERVICE + rpc,
        same,
        same,
        Buffer.from(request),
        metadataOf(headers),
        deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
      ),
    stream: (rpc, headers = {}) => {
      return client.makeBidiStreamRequest(SERVICE + rpc, same, same, metadataOf(headers), {});
    },
    close: () => {
      client.close();
    },
  };
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** Reads a call to its end; `cookies` are the Set-Cookie headers of the response. */
export async function readAll(
  call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>,
): Promise<{ readonly messages: readonly Buffer[]; readonly cookies: readonly string[]; readonly ending: Ending }> {
  const messages: Buffer[] = [];
  const cookies: string[] = [];
  call.on('metadata', (headers: Metadata) => cookies.push(...headers.get('set-cookie').map(String)));
  const ended = new Promise<void>((resolve) => call.on('end', resolve));
  const ending = await new Promise<Ending>((resolve) => {
    call.on('data', (bytes: Buffer) => messages.push(bytes));
    call.on('error', () => undefined);
    call.on('status', ({ code, details, metadata }: { code: number; details: string; metadata: Metadata }) => {
      const trailer = (name: string): string => String(metadata.get(name)[0] ?? '');
      resolve({ grpc: code, details, code: trailer('sheaf-code'), position: trailer('sheaf-position') });
    });
  });
  if (ending.grpc === 0) await ended;
  return { messages, cookies, ending };
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}

/** A length-delimited protobuf field. */
export function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.byteLength)]), bytes]);
}

/** A path descriptor as FlightData's first field. */
export function pathField(...path: readonly string[]): Buffer {
  const elements = path.map((element) => field(3, Buffer.from(element)));
  return field(1, Buffer.concat([Buffer.of(0x08, 1), ...elements]));
}

/** FlightData of a message. */
export function dataFields(header: Uint8Array, body: readonly Uint8Array[]): Buffer {
  return Buffer.concat([field(2, header), field(1000, Buffer.concat(body))]);
}
