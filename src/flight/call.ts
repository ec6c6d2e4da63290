/**
 * One call's life: its signal, its headers, its clock, and its line in metrics and log.
 *
 * Hides how grpc-js tells of cancellation, deadlines and headers. Invariants: `signal` fires when the client is gone or
 * the deadline has passed, with the EngineError that says which; one of `succeed` and `fail` is called, once, for every
 * call.
 */
import { Metadata } from '@grpc/grpc-js';
import { EngineError } from '../base/errors.ts';
import { makeLog } from '../base/log.ts';
import { makeCounter, makeGauge, makeHistogram } from '../base/metrics.ts';
import { callError } from './status.ts';

const log = makeLog('flight');
const calls = makeCounter('flight_calls_total', 'Flight calls begun', ['rpc']);
const errors = makeCounter('flight_errors_total', 'Flight calls that ended with an error', ['rpc', 'code']);
const cancelled = makeCounter('flight_cancelled_total', 'Flight calls that the client left before their end', [
  'rpc',
]);
const seconds = makeHistogram('flight_call_seconds', 'Time from the first to the last byte of a Flight call', [
  'rpc',
]);
const messages = makeCounter('flight_batches_total', 'Record batches over Flight', ['direction']);
const rows = makeCounter('flight_rows_total', 'Rows over Flight', ['direction']);
const bytes = makeCounter('flight_bytes_total', 'Bytes of messages over Flight', ['direction']);

let open = 0;
makeGauge('flight_calls_open', 'Flight calls under way', () => open);

/** The longest time that a timer can wait; a later deadline is none. */
const TIMER_MS_LONGEST = 2 ** 31 - 1;

/** What every kind of grpc-js call offers. */
export interface CallSource {
  on(event: 'cancelled', listener: () => void): unknown;
  getDeadline(): Date | number;
  getPeer(): string;
  readonly metadata: Metadata;
  sendMetadata(headers: Metadata): void;
}

/** Counts a record batch on its way. */
export function countBatch(direction: 'in' | 'out', rowCount: number): void {
  messages.inc({ direction });
  rows.inc({ direction }, rowCount);
}

/** Counts bytes of any message on their way. */
export function countBytes(direction: 'in' | 'out', count: number): void {
  bytes.inc({ direction }, count);
}

export class CallScope {
  readonly rpc: string;
  /** Fires with an EngineError: `cancelled` or `deadline`. */
  readonly signal: AbortSignal;
  readonly #call: CallSource;
  readonly #peer: string;
  #headers: Metadata | undefined;
  #beforeHeaders: (() => void) | undefined;
  readonly #controller = new AbortController();
  readonly #stopClock: () => number;
  readonly #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(rpc: string, call: CallSource) {
    this.rpc = rpc;
    this.signal = this.#controller.signal;
    this.#call = call;
    this.#peer = call.getPeer();
    this.#stopClock = seconds.startTimer({ rpc });
    this.#timer = this.#deadlineTimer(call.getDeadline());
    calls.inc({ rpc });
    open++;
    call.on('cancelled', () => {
      // grpc-js says so at every end; it means something only before ours.
      if (!this.#ended) this.#controller.abort(new EngineError('cancelled', 'the client left before the call ended'));
    });
  }

  /** All values of one header that the client sent. */
  header(name: string): readonly string[] {
    return this.#call.metadata.get(name).map(String);
  }

  /** Adds a header to the answer; too late once the first message is on its way. */
  addHeader(name: string, value: string): void {
    this.#headers ??= new Metadata();
    this.#headers.add(name, value);
  }

  /** Has `add` called once, when it is time for the last header: right before the first message, or the status. */
  beforeHeaders(add: () => void): void {
    this.#beforeHeaders = add;
  }

  /** Sends the headers that were added, if any and not sent yet. */
  sendHeaders(): void {
    this.#beforeHeaders?.();
    this.#beforeHeaders = undefined;
    if (this.#headers !== undefined) this.#call.sendMetadata(this.#headers);
  }

  /** Ends the call in metrics and log: it did what was asked. */
  succeed(): void {
    // An answer that nobody waits for any more is none.
    if (this.signal.aborted) this.fail(undefined);
    else this.#end('ok');
  }

  /** Ends the call in metrics and log; returns the error that the client is told. */
  fail(error: unknown): EngineError {
    // A failure after the signal is its consequence, whatever it looks like.
    const told = callError(this.rpc, this.signal.aborted ? this.signal.reason : error);
    errors.inc({ rpc: this.rpc, code: told.code });
    if (told.code === 'cancelled') cancelled.inc({ rpc: this.rpc });
    this.#end(told.code);
    return told;
  }

  #end(code: string): void {
    this.#ended = true;
    open--;
    clearTimeout(this.#timer);
    log.info('call', { rpc: this.rpc, peer: this.#peer, code, duration_ms: Math.round(this.#stopClock() * 1e3) });
  }

  #deadlineTimer(deadline: Date | number): NodeJS.Timeout | undefined {
    const leftMs = Number(deadline) - Date.now();
    if (!(leftMs < TIMER_MS_LONGEST)) return undefined;
    const passed = (): void => {
      this.#controller.abort(new EngineError('deadline', "the client's deadline passed before the call ended"));
    };
    return setTimeout(passed, Math.max(leftMs, 0));
  }
}
