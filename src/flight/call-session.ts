/**
 * The session of one call, by the cookie that it came with.
 *
 *     no cookie            nothing can be set; small calls are answered with `arrow_flight_session_id=new`
 *     …=new                the client keeps cookies: the first thing that it sets makes a session, under an id of ours
 *     …=id of a session    that session
 *     …=anything else      a session that has ended: statements are refused once, and the cookie is `new` again
 *
 * A session is not made before something is set in it, so that clients which only read leave nothing behind. A client
 * without a cookie cannot set anything, because the next of its calls would not know of it. SetSessionOptions is the
 * exception: it is the call by which clients ask for a session, often as their first, and its answer brings the cookie;
 * but not to a client that was offered one on the same connection before and has not kept it.
 *
 * Hides the cookie. Invariant: no id of a session comes from a client. Source: Flight SQL, "Session Management"; RFC
 * 6265 for the headers.
 */
import { EngineError } from '../base/errors.ts';
import { Session } from '../engine/engine.ts';
import type { SessionStore } from './session-store.ts';

const COOKIE = 'arrow_flight_session_id';
/** What a client has that keeps cookies and has set nothing. */
const NONE_YET = 'new';

/** What is known of the caller before its method runs. */
export interface CallOrigin {
  /** Values of the `cookie` headers. */
  readonly cookies: readonly string[];
  /** Whose calls these are. */
  readonly owner: string;
  /** The connection that the call came over, where that is known. */
  readonly connection: object | undefined;
}

export class CallSession {
  readonly #store: SessionStore;
  readonly #origin: CallOrigin;
  /** The cookie's value as it came. */
  readonly #given: string | undefined;
  readonly #session: Session | undefined;
  #id: string | undefined;
  #mayOpen: boolean;
  /** What the response is to bring. */
  #setCookie: string | undefined;

  constructor(store: SessionStore, origin: CallOrigin) {
    this.#store = store;
    this.#origin = origin;
    this.#given = cookieValue(origin.cookies);
    this.#mayOpen = this.#given === NONE_YET;
    const isKnown = this.#given !== undefined && this.#given !== NONE_YET;
    const known = isKnown ? store.find(this.#given, origin.owner) : undefined;
    if (known !== undefined) this.#id = this.#given;
    else if (isKnown) this.#setCookie = NONE_YET;
    this.#session = isKnown
      ? known
      : new Session(() => {
          this.#keep();
        });
  }

  /** Whose settings hold for this call's statements. @throws `not_found` when it has ended */
  get session(): Session {
    if (this.#session !== undefined) return this.#session;
    const why = 'it was closed, or idle for too long, or the server has started anew';
    throw new EngineError('not_found', `the session of this cookie has ended: ${why}; what was set in it is lost`);
  }

  /** The session, which the client may open by this call. @throws as `session` */
  opening(): Session {
    const { connection } = this.#origin;
    if (connection === undefined || !this.#store.wasOffered(connection)) this.#mayOpen = true;
    return this.session;
  }

  /** Ends the session, if there is one. */
  end(): void {
    if (this.#id !== undefined) this.#store.end(this.#id, this.#origin.owner);
    this.#setCookie = this.#given === undefined || this.#given === NONE_YET ? undefined : '; Max-Age=0';
  }

  /**
   * The Set-Cookie header for the response, once; undefined for none. With `mayOffer`, a client without a cookie is
   * offered one.
   */
  takeSetCookie(mayOffer: boolean): string | undefined {
    const { connection } = this.#origin;
    if (mayOffer && this.#given === undefined && this.#setCookie === undefined) {
      if (connection !== undefined) this.#store.noteOffer(connection);
      return `${COOKIE}=${NONE_YET}`;
    }
    const value = this.#setCookie;
    this.#setCookie = undefined;
    return value === undefined ? undefined : `${COOKIE}=${value}`;
  }

  #keep(): void {
    if (this.#id !== undefined) return;
    if (!this.#mayOpen) throw noCookie();
    this.#id = this.#store.add(this.session, this.#origin.owner);
    this.#setCookie = this.#id;
  }
}

/** The value of our cookie among all that a client sends. */
function cookieValue(headers: readonly string[]): string | undefined {
  for (const pair of headers.flatMap((header) => header.split(';'))) {
    const at = pair.indexOf('=');
    if (at >= 0 && pair.slice(0, at).trim() === COOKIE) return pair.slice(at + 1).trim();
  }
  return undefined;
}

function noCookie(): EngineError {
  const what = `a session is known by the cookie ${COOKIE}, and this client keeps no cookies, so that it would be lost`;
  const remedy =
    'switch them on (ADBC: "adbc.flight.sql.rpc.with_cookie_middleware": "true"; pyarrow: a ClientMiddleware that ' +
    'sends the cookie back; JDBC keeps them), then send it again';
  return new EngineError('request_invalid', `${what}; ${remedy}`);
}
