/**
 * The session's actions: setting, telling and closing. Bodies are plain messages, not packed ones.
 *
 * Hides which options there are: `catalog` and `schema`, which have one right value, and the engine's settings by their
 * names, as SET takes them. Invariants: an option that fails leaves the others set; an empty value gives an option its
 * default again; closing is never refused, since drivers close what they have not opened.
 */
import { foldName } from '../base/names.ts';
import type { OptionValue } from '../engine/engine.ts';
import type { CallSession } from './call-session.ts';
import type { Caller } from './caller.ts';
import { decodeMessage, encodeMessage } from './message.ts';
import type { SessionOptionValue } from './message-type.ts';

/** Options whose value cannot be changed. */
const FIXED: Readonly<Record<string, string>> = { catalog: 'sheaf', schema: 'main' };

const INVALID_NAME = 1;
const INVALID_VALUE = 2;
const CLOSED = 1;

/** Sets options; answers which failed, and how. @throws `request_invalid`, `not_found` */
export function setSessionOptions({ sessions }: Caller, body: Uint8Array): Uint8Array {
  const { session_options: options } = decodeMessage('SetSessionOptionsRequest', body);
  const errors = Object.entries(options).flatMap(([name, option]) => {
    const value = setOption(sessions, name, option);
    return value === undefined ? [] : [[name, { value }] as const];
  });
  return encodeMessage('SetSessionOptionsResult', { errors: Object.fromEntries(errors) });
}

/** Returns the number of the error; undefined when it is set. */
function setOption(sessions: CallSession, name: string, option: SessionOptionValue): number | undefined {
  const key = foldName(name);
  const value = option.string_value ?? option.bool_value ?? option.int64_value ?? option.double_value;
  const isList = option.string_list_value !== undefined;
  if (Object.hasOwn(FIXED, key)) {
    const isRight = !isList && (value === undefined || value === '' || value === FIXED[key]);
    return isRight ? undefined : INVALID_VALUE;
  }
  // No setting takes a list, nor a number that is none.
  const isPlain = !isList && (typeof value !== 'number' || Number.isFinite(value));
  if (!isPlain) return sessions.session.options().has(name) ? INVALID_VALUE : INVALID_NAME;
  const outcome = sessions.opening().setOption(name, value === '' ? undefined : value);
  if (outcome === 'set') return undefined;
  return outcome === 'unknown_name' ? INVALID_NAME : INVALID_VALUE;
}

/** Answers all options. @throws `not_found` */
export function getSessionOptions({ sessions }: Caller): Uint8Array {
  const options = Object.entries(FIXED).map(([name, value]): [string, SessionOptionValue] => [
    name,
    { string_value: value },
  ]);
  for (const [name, value] of sessions.session.options()) options.push([name, writeOption(value)]);
  return encodeMessage('GetSessionOptionsResult', { session_options: Object.fromEntries(options) });
}

/** Ends the session, if there is one. */
export function closeSession({ sessions }: Caller): Uint8Array {
  sessions.end();
  return encodeMessage('CloseSessionResult', { status: CLOSED });
}

function writeOption(value: OptionValue): SessionOptionValue {
  if (typeof value === 'string') return { string_value: value };
  return typeof value === 'boolean' ? { bool_value: value } : { int64_value: value };
}
