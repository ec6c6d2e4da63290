/**
 * Settings: one table of names, defaults and checks; a value comes from the flag, else SHEAF_*, else the
 * configuration file, else the default.
 *
 * Hides process.env and zod. Invariants: a setting has one name in three spellings (--flight-port, SHEAF_FLIGHT_PORT,
 * "flight-port" in the JSON file); a bad value names setting, value, source and what is expected, whatever its
 * source; an unknown name in the file is refused with the nearest known one.
 */
import { z } from 'zod';
import {
  DRAIN_GRACE_MS,
  QUERY_TIMEOUT_SECONDS,
  QUERY_TIMEOUT_SECONDS_MAX,
  SCRUB_BYTES_PER_SECOND,
  SCRUB_MIB_PER_SECOND_MAX,
  SNAPSHOT_RETENTION_MS,
  SNAPSHOT_RETENTION_SECONDS_MAX,
} from './base/limits.ts';
import { nearestName } from './base/names.ts';
import { UsageError } from './cli/host.ts';
import type { Flags, Settings } from './cli/host.ts';

interface Definition {
  readonly fallback: string | number | boolean | readonly string[];
  readonly check: z.ZodType;
  /** Completes "expected …". */
  readonly expected: string;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
}

/** Where a value came from, as people call it. */
interface Sourced {
  readonly name: string;
  readonly value: unknown;
  readonly source: string;
}

const text = z.string().min(1);
const wholeNumber = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).pipe(z.number().int());
const port: Pick<Definition, 'check' | 'expected'> = {
  check: wholeNumber.pipe(z.number().min(0).max(65_535)),
  expected: 'a whole number from 0 to 65535 (0 picks a free port)',
};
const yesNo: Pick<Definition, 'check' | 'expected'> = {
  check: z.union([z.boolean(), z.stringbool({ truthy: ['true', '1', 'yes'], falsy: ['false', '0', 'no', ''] })]),
  expected: 'true or false (1, 0, yes and no are understood too)',
};
const AUTH_MODES = ['auto', 'required', 'off'] as const;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Every setting by the name of its flag. */
const DEFINITIONS: Readonly<Record<string, Definition>> = {
  'data-dir': { fallback: './data', check: text, expected: 'the path of a directory' },
  host: { fallback: '127.0.0.1', check: text, expected: 'an address or host name to listen on' },
  'flight-port': { fallback: 8815, ...port },
  'http-port': { fallback: 8123, ...port },
  'no-flight': { fallback: false, ...yesNo },
  insecure: { fallback: false, ...yesNo },
  'log-level': { fallback: 'warn', check: z.enum(LOG_LEVELS), expected: `one of ${LOG_LEVELS.join(', ')}` },
  'grace-seconds': {
    fallback: DRAIN_GRACE_MS / 1_000,
    check: wholeNumber.pipe(z.number().min(0).max(3_600)),
    expected: 'a whole number of seconds from 0 to 3600',
  },
  'query-timeout-seconds': {
    fallback: QUERY_TIMEOUT_SECONDS,
    check: wholeNumber.pipe(z.number().min(0).max(QUERY_TIMEOUT_SECONDS_MAX)),
    expected: `a whole number of seconds from 0 (no bound) to ${QUERY_TIMEOUT_SECONDS_MAX.toString()}`,
  },
  'slow-query-ms': {
    fallback: 0,
    check: wholeNumber.pipe(z.number().min(0)),
    expected: 'a whole number of milliseconds, 0 to log none',
  },
  'snapshot-retention-seconds': {
    fallback: SNAPSHOT_RETENTION_MS / 1_000,
    check: wholeNumber.pipe(z.number().min(0).max(SNAPSHOT_RETENTION_SECONDS_MAX)),
    expected: `a whole number of seconds from 0 to ${SNAPSHOT_RETENTION_SECONDS_MAX.toString()}`,
  },
  'scrub-mib-per-second': {
    fallback: SCRUB_BYTES_PER_SECOND / 2 ** 20,
    check: wholeNumber.pipe(z.number().min(0).max(SCRUB_MIB_PER_SECOND_MAX)),
    expected: `a whole number of MiB from 0 (no scrub) to ${SCRUB_MIB_PER_SECOND_MAX.toString()}`,
  },
  'allow-origin': {
    fallback: [],
    check: z.union([z.array(text), z.string().transform((list) => list.split(',').filter((one) => one !== ''))]),
    expected: 'origins such as https://notebook.example, separated by commas',
  },
  'copy-dir': {
    fallback: '',
    check: z.string(),
    expected: 'the path of a directory, or nothing to switch COPY off',
  },
  auth: {
    fallback: 'auto',
    check: z.enum(AUTH_MODES),
    expected: 'required (callers show a token), off, or auto (required where other machines can call)',
  },
  'tls-cert': { fallback: '', check: z.string(), expected: "the path of the server's certificate in PEM" },
  'tls-key': { fallback: '', check: z.string(), expected: "the path of that certificate's key in PEM" },
  'tls-client-ca': { fallback: '', check: z.string(), expected: 'the path of a CA that clients must be known to' },
  url: {
    fallback: '',
    check: z.union([z.literal(''), z.url({ protocol: /^(https?|grpc(\+tls)?)$/ })]),
    expected: 'a URL such as grpc://127.0.0.1:8815 or http://127.0.0.1:8123 (grpc+tls, https where it speaks TLS)',
  },
  token: { fallback: '', check: z.string(), expected: 'a token', isSecret: true },
  'token-file': { fallback: '', check: z.string(), expected: 'the path of a file that holds a token' },
  'tls-ca': { fallback: '', check: z.string(), expected: "the path of a CA that the server's certificate is of" },
};

/** Reads a file whole for the configuration. */
export type ReadSettingsFile = (path: string) => Promise<string>;

/** Settings in force for a command. @throws UsageError */
export async function resolveSettings(flags: Flags, readFile: ReadSettingsFile): Promise<Settings> {
  const values = new Map((await sourcedValues(flags, readFile)).map(({ name, value }) => [name, value]));
  // Each value has passed the check of its definition, which makes the type below true.
  return Object.fromEntries([...values].map(([name, value]) => [camelCase(name), value])) as unknown as Settings;
}

/** The settings in force as aligned lines: name, value, source. @throws UsageError */
export async function describeSettings(flags: Flags, readFile: ReadSettingsFile): Promise<string> {
  const rows = (await sourcedValues(flags, readFile)).map(({ name, value, source }) => [
    name,
    DEFINITIONS[name]?.isSecret === true && value !== '' ? '(not shown)' : JSON.stringify(value),
    source,
  ]);
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1), 0];
  return rows.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}\n`).join('');
}

/** True for addresses that only programs on this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** How the doors are shut. */
export interface DoorPolicy {
  readonly isTls: boolean;
  /** Callers have to say who they are. */
  readonly isGuarded: boolean;
}

/** How `settings` shut the doors. @throws UsageError where they would stand open to other machines, or are half shut */
export function doorPolicy(settings: Settings): DoorPolicy {
  const { host, insecure, auth, tlsCert, tlsKey, tlsClientCa } = settings;
  if ((tlsCert === '') !== (tlsKey === '')) {
    throw new UsageError('--tls-cert and --tls-key go together: give both, or none');
  }
  const isTls = tlsCert !== '';
  if (tlsClientCa !== '' && !isTls) {
    throw new UsageError('--tls-client-ca needs TLS: give --tls-cert and --tls-key too');
  }
  const isOpen = !isLoopback(host) && !insecure;
  const isGuarded = auth === 'required' || (auth === 'auto' && (isOpen || tlsClientCa !== ''));
  if (isOpen && !(isTls && isGuarded)) {
    const lacks = [
      ...(isTls ? [] : ['TLS (--tls-cert, --tls-key)']),
      ...(isGuarded ? [] : ['authentication (--auth required)']),
    ].join(' and ');
    const remedy = `it needs ${lacks}; add --insecure if it is meant to go without, or leave --host out`;
    throw new UsageError(`--host ${host} can be reached from other machines; ${remedy}`);
  }
  return { isTls, isGuarded };
}

async function sourcedValues(flags: Flags, readFile: ReadSettingsFile): Promise<Sourced[]> {
  const { env } = process;
  const flagPath = flags['config'];
  const path = typeof flagPath === 'string' ? flagPath : env['SHEAF_CONFIG'];
  const file = path === undefined || path === '' ? {} : await readConfig(path, readFile);
  return Object.entries(DEFINITIONS).map(([name, definition]) => {
    const flag = flagValue(name, flags);
    const variable = variableName(name);
    if (flag !== undefined) return checked(name, definition, flag, `--${name}`);
    if (env[variable] !== undefined) return checked(name, definition, env[variable], variable);
    if (name in file) return checked(name, definition, file[name], path ?? '');
    return { name, value: definition.fallback, source: 'default' };
  });
}

/** The flag's value as typed; `--no-flight` is given as `flight: false`, the way commander has it. */
function flagValue(name: string, flags: Flags): unknown {
  if (!name.startsWith('no-')) return flags[camelCase(name)];
  const positive = flags[camelCase(name.slice('no-'.length))];
  return typeof positive === 'boolean' ? !positive : undefined;
}

function checked(name: string, definition: Definition, value: unknown, source: string): Sourced {
  const result = definition.check.safeParse(value);
  if (result.success) return { name, value: result.data, source };
  const shown = definition.isSecret === true ? 'something else' : JSON.stringify(value);
  throw new UsageError(`${name} is ${shown} (from ${source}); expected ${definition.expected}`);
}

async function readConfig(path: string, readFile: ReadSettingsFile): Promise<Record<string, unknown>> {
  let content: string;
  try {
    content = await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`the configuration file ${path} cannot be read: ${reason}`);
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseJson(path, content));
  if (!parsed.success) throw new UsageError(`the configuration file ${path} is not a JSON object of settings`);
  for (const name of Object.keys(parsed.data)) {
    if (name in DEFINITIONS) continue;
    const near = nearestName(name, Object.keys(DEFINITIONS));
    const hint =
      near === undefined ? 'sheaf serve --print-config lists them all' : `did you mean ${JSON.stringify(near)}?`;
    throw new UsageError(`the configuration file ${path} has no setting named ${JSON.stringify(name)}; ${hint}`);
  }
  return parsed.data;
}

function parseJson(path: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`the configuration file ${path} is not JSON: ${reason}`);
  }
}

function variableName(name: string): string {
  return `SHEAF_${name.toUpperCase().replaceAll('-', '_')}`;
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
