/**
 * Who calls: each Flight call is admitted by the gate before its method sees it.
 *
 * Handshake, in both its forms: credentials in the `authorization: Basic` header (pyarrow's authenticate_basic_token,
 * the JDBC driver), or a BasicAuth message as the first payload. It is answered by `authorization: Bearer TOKEN` in the
 * response's headers, and in the second form by the token as payload as well, which such clients then send as
 * `auth-token-bin`.
 *
 * Hides gRPC's headers. Invariants: a method runs with the engine of its caller, and what methods keep from one call to
 * the next belongs to that caller alone; Handshake, ListActions, ping and healthcheck are everybody's.
 */
import { Metadata } from '@grpc/grpc-js';
import type { ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { EngineError } from '../base/errors.ts';
import { HANDSHAKE_MS_MAX } from '../base/limits.ts';
import type { Credentials, Engine, Gate } from '../engine/gate.ts';
import { isPublicAction } from './action.ts';
import { CallScope } from './call.ts';
import type { CallSource } from './call.ts';
import { decodeBasicAuth } from './encode.ts';
import { sendMessage } from './lane.ts';
import { toStatus } from './status.ts';
import type { CallStatus } from './status.ts';

/** What calls of every kind have. */
interface Call extends CallSource {
  readonly request?: { readonly type?: unknown };
  getAuthContext(): { readonly sslPeerCertificate?: { readonly subject?: { readonly CN?: unknown } } };
  emit(event: 'error', status: CallStatus): unknown;
}

type Handler = (call: Call, callback?: (status: CallStatus) => void) => void;
type Handlers = Readonly<Record<string, Handler>>;
type HandshakeCall = Call & ServerDuplexStream<{ readonly payload: Uint8Array }, { readonly payload: Uint8Array }>;

/** The methods that `methodsOf` makes for an engine, each run with that of its caller. */
export function guarded(
  gate: Gate,
  methodsOf: (engine: Engine) => UntypedServiceImplementation,
): UntypedServiceImplementation {
  const made = new WeakMap<Engine, Handlers>();
  const handlersOf = (engine: Engine): Handlers => {
    const known = made.get(engine) ?? (methodsOf(engine) as unknown as Handlers);
    made.set(engine, known);
    return known;
  };
  const open = handlersOf(gate.open);
  const guard = (rpc: string): Handler => {
    return (call, callback) => {
      let handler: Handler | undefined;
      try {
        const isPublic = rpc === 'ListActions' || (rpc === 'DoAction' && isPublicAction(String(call.request?.type)));
        handler = (isPublic ? open : handlersOf(gate.admit('flight', credentialsOf(call))))[rpc];
      } catch (error) {
        refuse(rpc, call, callback, error);
        return;
      }
      handler?.(call, callback);
    };
  };
  const methods = Object.fromEntries(Object.keys(open).map((rpc) => [rpc, gate.isGuarded ? guard(rpc) : open[rpc]]));
  return { ...methods, Handshake: handshake(gate) };
}

function refuse(rpc: string, call: Call, callback: Parameters<Handler>[1], error: unknown): void {
  const status = toStatus(new CallScope(rpc, call).fail(error));
  if (callback === undefined) call.emit('error', status);
  else callback(status);
}

function credentialsOf(call: Call): Credentials {
  // Two of them are one too many for the gate.
  const headers = call.metadata.get('authorization').map(String);
  if (headers.length > 0) return { authorization: headers.join(', ') };
  const [token] = call.metadata.get('auth-token-bin');
  if (token !== undefined && token.length > 0) return { authorization: `Bearer ${token.toString()}` };
  const name = call.getAuthContext().sslPeerCertificate?.subject?.CN;
  return typeof name === 'string' ? { certificateName: name } : {};
}

function handshake(gate: Gate): (call: HandshakeCall) => void {
  return (call) => {
    const scope = new CallScope('Handshake', call);
    logIn(gate, call, scope.signal).then(
      () => {
        scope.succeed();
        call.end();
      },
      (error: unknown) => {
        call.emit('error', toStatus(scope.fail(error)));
      },
    );
  };
}

async function logIn(gate: Gate, call: HandshakeCall, signal: AbortSignal): Promise<void> {
  const credentials = credentialsOf(call);
  const payload = credentials.authorization === undefined ? await firstPayload(call, signal) : undefined;
  call.resume();
  const token = gate.logIn('flight', payload === undefined ? credentials : { authorization: headerOf(payload) });
  const headers = new Metadata();
  headers.set('authorization', `Bearer ${token}`);
  call.sendMetadata(headers);
  if (payload !== undefined) await sendMessage(call, { payload: Buffer.from(token) }, signal);
}

/** The header that says the same: a payload is user and password, or a token. */
function headerOf(payload: Uint8Array): string {
  const basic = decodeBasicAuth(payload);
  if (basic === undefined) return `Bearer ${Buffer.from(payload).toString()}`;
  return `Basic ${Buffer.from(`${basic.user}:${basic.password}`).toString('base64')}`;
}

/** The payload of the first message; undefined when the client sends none. @throws `deadline` */
function firstPayload(call: HandshakeCall, signal: AbortSignal): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new EngineError('deadline', 'the Handshake brought no credentials in time'));
    }, HANDSHAKE_MS_MAX);
    const settle = (payload: Uint8Array | undefined): void => {
      clearTimeout(late);
      resolve(payload);
    };
    call.once('data', ({ payload }: { readonly payload: Uint8Array }) => {
      settle(payload);
    });
    call.once('end', () => {
      settle(undefined);
    });
    signal.addEventListener('abort', () => {
      clearTimeout(late);
      reject(signal.reason as EngineError);
    });
  });
}
