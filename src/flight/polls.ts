/**
 * PollFlightInfo: queries that run between calls, for clients that would not wait for GetFlightInfo in one piece.
 *
 *     poll(SQL, path or command)   begins the query, and waits for it a little
 *     poll(what that answered)     waits a little more: how far it is, or the whole FlightInfo, or its error
 *
 * Hides the running. Invariants: nothing that writes runs here, so that a poll which is sent twice does no harm; an
 * outcome is the same for every poll that asks for it; a query that nobody polls for any more is cancelled, and
 * outcomes are forgotten after the same time; what is kept is bounded. Source: Arrow Flight, "Downloading Data by
 * Running a Heavy Query".
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { EngineError } from '../base/errors.ts';
import { POLLS_MAX, POLL_IDLE_MS_MAX, POLL_WAIT_MS } from '../base/limits.ts';
import { makeGauge } from '../base/metrics.ts';
import type { Progress } from '../engine/contract.ts';
import type { Caller } from './caller.ts';
import type { FlightDescriptor } from './encode.ts';
import { timestamp } from './flight-info.ts';
import { getFlightInfo } from './get-flight-info.ts';
import type { FlightInfo, PollInfo } from './message-type.ts';

type Outcome = { readonly info: FlightInfo } | { readonly error: unknown };

interface Poll {
  readonly owner: string;
  readonly asked: FlightDescriptor;
  /** What the next poll is sent. */
  readonly token: Buffer;
  readonly controller: AbortController;
  readonly progress: Progress;
  outcome: Outcome | undefined;
  /** Settles with the outcome, and never rejects. */
  readonly ended: Promise<void>;
  expiresAtMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** Begins the commands of a poll that has begun: 0xFF never occurs in UTF-8, so that no SQL text is taken for one. */
const MAGIC = Buffer.from([0xff, ...Buffer.from('SHEAFP1')]);
const TOKEN_BYTES = 16;
const TYPE_COMMAND = 2;

let open = 0;
makeGauge('flight_polls_open', 'Queries of PollFlightInfo that run or whose outcome is kept', () => open);

/** For tests: other times than those of base/limits. */
export interface PollTimes {
  readonly idleMs: number;
  readonly waitMs: number;
}

export class Polls {
  readonly #times: PollTimes;
  /** By token in hex, oldest first. */
  readonly #polls = new Map<string, Poll>();

  constructor(times: PollTimes = { idleMs: POLL_IDLE_MS_MAX, waitMs: POLL_WAIT_MS }) {
    this.#times = times;
  }

  /** Answers one poll. @throws `not_found` for one that has expired, `busy`, and the query's error */
  async poll(caller: Caller, descriptor: FlightDescriptor): Promise<PollInfo> {
    const isNext = descriptor.type === TYPE_COMMAND && MAGIC.equals(descriptor.cmd.subarray(0, MAGIC.byteLength));
    const poll = isNext ? this.#find(caller.owner, descriptor.cmd) : this.#begin(caller, descriptor);
    this.#renew(poll);
    const { signal } = caller;
    const isOver = new AbortController();
    const waited = wait(this.#times.waitMs, undefined, { signal: AbortSignal.any([signal, isOver.signal]) });
    await Promise.race([poll.ended, waited.catch(() => undefined)]);
    isOver.abort();
    return answer(poll);
  }

  /** Ends the query of a FlightInfo that a poll told of, by its app_metadata; false when that is none of ours. */
  cancel(owner: string, appMetadata: Uint8Array): boolean {
    const poll = this.#polls.get(Buffer.from(appMetadata).toString('hex'));
    if (poll?.owner !== owner) return false;
    poll.controller.abort(new EngineError('cancelled', 'the query was cancelled'));
    return true;
  }

  /** Ends all queries. */
  close(): void {
    for (const key of this.#polls.keys()) this.#drop(key);
  }

  #find(owner: string, token: Uint8Array): Poll {
    const poll = this.#polls.get(Buffer.from(token).toString('hex'));
    if (poll?.owner === owner) return poll;
    const why = 'it was not asked for in time, or the server has started anew';
    throw new EngineError('not_found', `there is no query of this poll: ${why}; poll with the query again`);
  }

  #begin(caller: Caller, asked: FlightDescriptor): Poll {
    this.#makeRoom();
    const controller = new AbortController();
    const progress: Progress = { scannedRows: 0, totalRows: undefined };
    const own = { ...caller, signal: controller.signal };
    const work = getFlightInfo(own, asked, { counted: true, readOnly: true, progress });
    const token = Buffer.concat([MAGIC, randomBytes(TOKEN_BYTES)]);
    const ended = work.then(
      (info) => {
        poll.outcome = { info };
      },
      (error: unknown) => {
        poll.outcome = { error: controller.signal.aborted ? controller.signal.reason : error };
      },
    );
    const poll: Poll = {
      owner: caller.owner,
      asked,
      token,
      controller,
      progress,
      ended,
      outcome: undefined,
      expiresAtMs: 0,
      timer: undefined,
    };
    this.#polls.set(token.toString('hex'), poll);
    open++;
    return poll;
  }

  #renew(poll: Poll): void {
    const { idleMs } = this.#times;
    poll.expiresAtMs = Date.now() + idleMs;
    clearTimeout(poll.timer);
    poll.timer = setTimeout(() => {
      this.#drop(poll.token.toString('hex'));
    }, idleMs);
    poll.timer.unref();
  }

  /** Forgets what ended longest ago. @throws `busy` when all run */
  #makeRoom(): void {
    if (this.#polls.size < POLLS_MAX) return;
    for (const [key, { outcome }] of this.#polls) {
      if (outcome === undefined) continue;
      this.#drop(key);
      return;
    }
    throw new EngineError('busy', `${this.#polls.size.toString()} polled queries run; try again later`);
  }

  #drop(key: string): void {
    const poll = this.#polls.get(key);
    if (poll === undefined) return;
    this.#polls.delete(key);
    clearTimeout(poll.timer);
    poll.controller.abort(new EngineError('cancelled', 'the query was not polled for in time'));
    open--;
  }
}

/** @throws the query's error */
function answer(poll: Poll): PollInfo {
  const { outcome, asked, token, expiresAtMs } = poll;
  if (outcome !== undefined && 'error' in outcome) throw outcome.error;
  if (outcome !== undefined) {
    return { info: outcome.info, flight_descriptor: null, progress: 1, expiration_time: null };
  }
  const { scannedRows, totalRows } = poll.progress;
  const isKnown = totalRows !== undefined && totalRows > 0;
  return {
    info: {
      schema: new Uint8Array(0),
      flight_descriptor: asked,
      endpoint: [],
      total_records: -1,
      total_bytes: -1,
      ordered: true,
      app_metadata: token,
    },
    flight_descriptor: { type: TYPE_COMMAND, cmd: token, path: [] },
    ...(isKnown ? { progress: Math.min(scannedRows / totalRows, 1) } : {}),
    expiration_time: timestamp(expiresAtMs),
  };
}
