/**
 * `sheaf token`: who may use a database that is served to others.
 *
 * Hides nothing else: engine/tokens keeps them. Invariants: a token goes to standard output alone, once, and everything
 * about it to standard error; the commands work on the data directory, whether a server runs on it or not.
 */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { createToken, listTokens, revokeToken, ROLES } from '../engine/tokens.ts';
import type { Grant, Role, TokenDescription } from '../engine/tokens.ts';
import { addDirectoryFlags, typedFlags } from './flags.ts';
import type { CliHost, Flags } from './host.ts';
import { UsageError } from './host.ts';

const EXAMPLES = `
Examples:
  sheaf token create root --role admin
  sheaf token create loader --role ingest --table trades --expires 90d
  sheaf token create analyst --table trades --table quotes:ingest
  sheaf token list
  sheaf token revoke loader

Roles: read, ingest (read, and add rows), admin (everything). Without --table they hold for all tables. A token is
printed once; a running server knows of it, and of its end, at the next call.`;

const UNITS_MS: Readonly<Record<string, number>> = {
  m: 60e3,
  h: 3600e3,
  d: 86400e3,
  w: 7 * 86400e3,
  y: 365 * 86400e3,
};

/** Adds the commands. */
export function addToken(program: Command, host: CliHost): void {
  const token = program
    .command('token')
    .description('make, list and revoke tokens for callers of a server')
    .addHelpText('after', EXAMPLES);
  const create = token
    .command('create')
    .description('make a token, and print it')
    .argument('<name>', 'the principal that it is for: a person, a program or a machine')
    .addOption(new Option('--role <role>', 'what it may do (default: read)').choices(ROLES))
    .option('--table <name[:role]>', 'table that it may use, again for more (default: all)', addTable)
    .option('--expires <when>', 'a time from now (30m, 12h, 90d, 4w, 1y) or a date (default: never)', parseExpiry);
  addDirectoryFlags(create).action(async (name: string, _options: unknown, self: Command) => {
    await makeToken(host, name, typedFlags(self));
  });
  const list = token.command('list').description('list tokens and rights').option('--json', 'print them as JSON');
  addDirectoryFlags(list).action(async (_options: unknown, self: Command) => {
    await printTokens(host, typedFlags(self));
  });
  const revoke = token
    .command('revoke')
    .description('end a token, or all tokens of a principal')
    .argument('<id|name>', 'id of the token, or name of the principal');
  addDirectoryFlags(revoke).action(async (which: string, _options: unknown, self: Command) => {
    const { dataDir } = await host.settings(typedFlags(self));
    const count = await revokeToken(dataDir, which);
    await host.stdout.write(`revoked ${count.toString()} token${count === 1 ? '' : 's'}\n`);
  });
}

async function makeToken(host: CliHost, name: string, flags: Flags): Promise<void> {
  const { dataDir } = await host.settings(flags);
  // Commander has checked the one and collected the others by addTable.
  const role = flags['role'] as Role | undefined;
  const tables = flags['table'] as readonly NamedTable[] | undefined;
  const expiry = flags['expires'] as Expiry | undefined;
  const nowMs = host.clock.wallMs();
  const expiresMs = expiry === undefined ? undefined : 'afterMs' in expiry ? nowMs + expiry.afterMs : expiry.atMs;
  if (expiresMs !== undefined && expiresMs <= nowMs) throw new UsageError('--expires names a time that has passed');
  const { id, token, grants } = await createToken(dataDir, { name, grants: grantsOf(role, tables), expiresMs });
  const until = expiresMs === undefined ? '' : `, until ${new Date(expiresMs).toISOString()}`;
  await host.stderr.write(`token ${id} for ${name}: ${rightsText(grants)}${until}; it is shown this once\n`);
  await host.stdout.write(`${token}\n`);
}

interface NamedTable {
  readonly table: string;
  readonly role: Role | undefined;
}

/** undefined: nothing was said. */
function grantsOf(role: Role | undefined, tables: readonly NamedTable[] | undefined): readonly Grant[] | undefined {
  if (role === undefined && tables === undefined) return undefined;
  if (tables === undefined) return [{ table: undefined, role: role ?? 'read' }];
  return tables.map((named) => ({ table: named.table, role: named.role ?? role ?? 'read' }));
}

function rightsText(grants: readonly Grant[]): string {
  return grants
    .map(({ table, role }) => (table === undefined ? `${role} all tables` : `${role} ${table}`))
    .join(', ');
}

async function printTokens(host: CliHost, flags: Flags): Promise<void> {
  const { dataDir } = await host.settings(flags);
  const tokens = await listTokens(dataDir);
  if (flags['json'] === true) {
    await host.stdout.write(`${JSON.stringify(tokens.map(jsonOf), null, 2)}\n`);
    return;
  }
  if (tokens.length === 0) {
    await host.stdout.write('no tokens; `sheaf token create NAME --role admin` makes one\n');
    return;
  }
  const nowMs = host.clock.wallMs();
  const rows = tokens.map(({ id, name, createdMs, expiresMs, grants }) => {
    const until = expiresMs === undefined ? 'never' : expiresMs <= nowMs ? 'expired' : timeText(expiresMs);
    return [id, name, timeText(createdMs), until, rightsText(grants)];
  });
  const lines = [['id', 'name', 'created', 'expires', 'rights'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) => `${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}\n`).join('');
  await host.stdout.write(text);
}

function jsonOf({ id, name, createdMs, expiresMs, grants }: TokenDescription): unknown {
  const expires = expiresMs === undefined ? null : new Date(expiresMs).toISOString();
  const rights = grants.map(({ table, role }) => ({ table: table ?? null, role }));
  return { id, name, created: new Date(createdMs).toISOString(), expires, rights };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** Collects tables; `:role` after the last name is a role, and part of the name where it is none. */
function addTable(text: string, before: readonly NamedTable[] = []): readonly NamedTable[] {
  const role = ROLES.find((one) => text.endsWith(`:${one}`));
  const table = role === undefined ? text : text.slice(0, -role.length - 1);
  if (table === '') throw new InvalidArgumentError('It must be the name of a table.');
  return [...before, { table, role }];
}

type Expiry = { readonly afterMs: number } | { readonly atMs: number };

function parseExpiry(text: string): Expiry {
  const [, count, unit = ''] = /^(\d{1,6})([mhdwy])$/.exec(text) ?? [];
  if (count !== undefined) return { afterMs: Number(count) * (UNITS_MS[unit] ?? 0) };
  const atMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return { atMs };
  throw new InvalidArgumentError('It must be a time from now, such as 12h or 90d, or a date, such as 2030-12-31.');
}
