/**
 * Tokens: how they are made, read and revoked in a data directory, whether a server runs on it or not.
 *
 *     sheaf_<id, 16 hex digits>_<secret, 64 hex digits>
 *
 * Hides access.db. Invariants: the id is public, the secret are 256 random bits, told once; what is kept is its SHA-256
 * (which needs no salt and no stretching: nobody can go through 256 bits); a secret is compared in constant time.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { PRINCIPAL_NAME_LENGTH_MAX, PRINCIPAL_TABLES_MAX } from '../base/limits.ts';
import { AccessFile, accessPath } from '../catalog/access-file.ts';
import type { Grant, KnownToken, TokenDescription } from '../catalog/access-file.ts';
import { realOs } from '../os/real-os.ts';
import { checkTableName } from './put.ts';

export type { Grant, Role, TokenDescription } from '../catalog/access-file.ts';
export { ROLES } from './rights.ts';

const TOKEN_FORM = /^sheaf_([0-9a-f]{16})_[0-9a-f]{64}$/;
const ID_FORM = /^[0-9a-f]{16}$/;
const NAME_FORM = /^[A-Za-z0-9][\w.@-]*$/;

/** A token as it is told once. */
export interface CreatedToken {
  readonly id: string;
  readonly token: string;
  /** The rights that it gives. */
  readonly grants: readonly Grant[];
}

/** Who a token is for, and what it allows. */
export interface TokenRequest {
  readonly name: string;
  /** undefined: those that the principal has, or reading all tables when it is new. */
  readonly grants: readonly Grant[] | undefined;
  /** Wall time in ms. */
  readonly expiresMs: number | undefined;
}

/**
 * Makes a token; the directory is made when it is missing. @throws `request_invalid` for a name that cannot be one,
 * `already_exists` for a principal with other rights, `limit_exceeded`, and what opening the file throws
 */
export async function createToken(directory: string, request: TokenRequest): Promise<CreatedToken> {
  const { name, expiresMs } = request;
  checkRequest(request);
  const os = realOs();
  if (!(await os.exists(directory))) await os.makeDirectory(directory);
  const access = await AccessFile.open(accessPath(directory));
  try {
    const grants = request.grants ?? access.rightsOf(name) ?? [{ table: undefined, role: 'read' }];
    const id = randomBytes(8).toString('hex');
    const token = `sheaf_${id}_${randomBytes(32).toString('hex')}`;
    access.add({ id, name, grants, hash: hashOf(token), createdMs: Math.floor(systemClock.wallMs()), expiresMs });
    return { id, token, grants };
  } finally {
    access.close();
  }
}

/** All tokens of a directory, without their secrets, the oldest first. */
export async function listTokens(directory: string): Promise<readonly TokenDescription[]> {
  if (!(await realOs().exists(accessPath(directory)))) return [];
  const access = await AccessFile.open(accessPath(directory));
  try {
    return access.tokens();
  } finally {
    access.close();
  }
}

/** Revokes a token by its id, or all of a principal by its name; answers how many. @throws `not_found` */
export async function revokeToken(directory: string, idOrName: string): Promise<number> {
  // Somebody may hold the whole token, and not know which part is its id.
  const wanted = TOKEN_FORM.exec(idOrName)?.[1] ?? idOrName;
  if (await realOs().exists(accessPath(directory))) {
    const access = await AccessFile.open(accessPath(directory));
    try {
      const count = access.revoke(wanted);
      if (count > 0) return count;
    } finally {
      access.close();
    }
  }
  const message = `there is no token ${JSON.stringify(wanted)}, and no principal of that name`;
  throw new EngineError('not_found', `${message}; \`sheaf token list\` shows them`);
}

/** The id that a token names; undefined for what is no token by its form. */
export function idOfToken(token: string): string | undefined {
  return TOKEN_FORM.exec(token)?.[1];
}

/** True when `token` is the one that is known. */
export function isToken(token: string, known: KnownToken): boolean {
  return timingSafeEqual(hashOf(token), known.hash);
}

function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

function checkRequest({ name, grants = [] }: TokenRequest): void {
  const shown = JSON.stringify(name.slice(0, PRINCIPAL_NAME_LENGTH_MAX));
  const refuse = (why: string): never => {
    throw new EngineError('request_invalid', `${shown} cannot name a principal: ${why}`);
  };
  if (name.length > PRINCIPAL_NAME_LENGTH_MAX) {
    refuse(
      `it has ${name.length.toString()} characters, at most ${PRINCIPAL_NAME_LENGTH_MAX.toString()} are allowed`,
    );
  }
  if (!NAME_FORM.test(name)) refuse('use letters, digits and . _ @ -, with a letter or digit first');
  if (ID_FORM.test(name)) refuse('it looks like the id of a token');
  if (grants.length > PRINCIPAL_TABLES_MAX) {
    const most = PRINCIPAL_TABLES_MAX.toString();
    throw new EngineError('limit_exceeded', `rights on at most ${most} tables can be given by name`);
  }
  for (const { table } of grants) if (table !== undefined) checkTableName(table);
}
