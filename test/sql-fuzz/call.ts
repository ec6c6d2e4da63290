/**
 * Calls of scalar functions: every entry of the registry, asked what kinds of arguments it takes.
 *
 * Hides overloads and constants that a function needs. Invariant: what is left out stands in LEFT_OUT with its reason.
 */
import type { DataType } from '../../src/arrow/type.ts';
import { FUNCTIONS, isVolatile, resolveFunction } from '../../src/function/registry.ts';
import { familyOf } from '../../src/function/signature.ts';
import type { Kind } from './world.ts';
import { KINDS } from './world.ts';

/**
 * Moments differ between the sides, hashes have numbers of their own, and DuckDB's decimal_division of integers answers
 * 0.000000 to 1 and 2, or fails.
 */
const LEFT_OUT = new Set(
  'now today localtimestamp localtime hash decimal_division in and or not case'
    .split(' ')
    .concat(['is_true', 'is_false', 'is_not_true', 'is_not_false']),
);
/** Their last digit may differ: they stand only where nothing is computed from them. */
const INEXACT = new Set(
  'sqrt cbrt exp ln log log2 log10 sin cos tan cot asin acos atan atan2 sinh cosh tanh asinh acosh atanh'
    .split(' ')
    .concat(['^', 'degrees', 'radians', 'gamma', 'lgamma', 'jaccard', 'jaro_similarity', 'jaro_winkler_similarity']),
);

const SAMPLE: Readonly<Record<Kind, DataType>> = {
  int: { id: 'int', bitWidth: 32, signed: true },
  float: { id: 'float', bitWidth: 64 },
  decimal: { id: 'decimal', bitWidth: 128, precision: 12, scale: 3 },
  text: { id: 'utf8' },
  bool: { id: 'bool' },
  date: { id: 'date', unit: 'day' },
  timestamp: { id: 'timestamp', unit: 'microsecond', timezone: undefined },
  zoned: { id: 'timestamp', unit: 'microsecond', timezone: 'UTC' },
  time: { id: 'time', unit: 'microsecond', bitWidth: 64 },
  interval: { id: 'interval', unit: 'month_day_nano' },
  blob: { id: 'binary' },
};

const SIZES = ['0', '1', '2', '3', '-1', '-2', '5', '10', 'CAST(NULL AS INTEGER)'];
const PARTS = 'year quarter month week day hour minute second millisecond microsecond decade century millennium epoch'
  .split(' ')
  .concat(['isodow', 'dow', 'doy', 'isoyear', 'era', 'julian', 'yearweek'])
  .map((part) => `'${part}'`);
const UNITS = PARTS.slice(0, 13);
const PATTERNS = ["'a'", "'^a'", "'[a-z]+'", "'(a|b)'", "'.'", "''", "'\\d+'", "'\\s'", "'(.)(.)'", "'z.*a'", "'b$'"];
const LIKES = ["'%a%'", "'_'", "'a%'", "'%b'", "'ä_'", "'%'", "''", "'a\\%b'", "'%zebra%'"];
const FORMATS = [
  "'%Y-%m-%d'",
  "'%d.%m.%y %H:%M:%S'",
  "'%A %j %U %W %I %p'",
  "'%f'",
  "'%g'",
  "'%G-%V-%u'",
  "'%B %-d'",
];
const ZONES = ["'UTC'", "'Europe/Berlin'", "'America/New_York'", "'Asia/Kathmandu'"];
const TEXT_TEMPLATES = ["'<%s>'", "'%s'", "'%10s|'", "'%-5s|'"];
const INT_TEMPLATES = ["'%d'", "'%05d'", "'%x'", "'%+d'"];
const BRACES = ["'<{}>'", "'{:>8}|'", "'{0}{0}'"];

/** Texts of constants that stand for an argument: function name → argument index → texts. */
const CONSTANTS: Readonly<Record<string, Readonly<Record<number, readonly string[]>>>> = {
  repeat: { 1: SIZES },
  lpad: { 1: SIZES, 2: ["'x'", "'äb'", "' '"] },
  rpad: { 1: SIZES, 2: ["'x'", "'äb'", "' '"] },
  bar: { 1: ['0', '-10'], 2: ['10', '25'], 3: ['1', '10', '20'] },
  round: { 1: SIZES },
  round_even: { 1: SIZES },
  trunc: { 1: SIZES },
  factorial: { 0: ['0', '1', '5', '20'] },
  binom: { 0: ['5', '20'], 1: SIZES },
  '<<': { 1: ['0', '1', '3'] },
  '>>': { 1: ['0', '1', '3', '70'] },
  chr: { 0: ['65', '228', '128578', '0x3042'] },
  to_base: { 1: ['2', '16', '36'], 2: ['1', '8'] },
  date_part: { 0: PARTS },
  date_trunc: { 0: UNITS },
  date_diff: { 0: UNITS },
  date_sub: { 0: UNITS },
  strftime: { 1: FORMATS },
  strptime: { 0: ["'2024-02-29'"], 1: ["'%Y-%m-%d'"] },
  try_strptime: { 1: FORMATS },
  timezone: { 0: ZONES },
  make_date: { 0: ['2024', '2023', '1'], 1: ['1', '2', '12'], 2: ['1', '28'] },
  make_time: { 0: ['0', '23'], 1: ['0', '59'], 2: ['0', '59.5', '7.25'] },
  make_timestamp: {
    0: ['2024', '0', '1500000'],
    1: ['1', '2', '12'],
    2: ['1', '28'],
    3: ['0'],
    4: ['59'],
    5: ['7.5'],
  },
  make_timestamptz: {
    0: ['2024', '0', '1500000'],
    1: ['1', '2', '12'],
    2: ['1', '28'],
    3: ['0'],
    4: ['59'],
    5: ['7.5'],
    6: ZONES,
  },
  time_bucket: {
    0: ["INTERVAL '15 minutes'", "INTERVAL '1 month'", "INTERVAL '2 days'"],
    2: ZONES,
  },
  format: { 0: BRACES },
  printf: { 0: TEXT_TEMPLATES },
  like: { 1: LIKES },
  not_like: { 1: LIKES },
  ilike: { 1: LIKES },
  not_ilike: { 1: LIKES },
  like_escape: { 1: ["'a#%%'", "'%#_%'"], 2: ["'#'"] },
  not_like_escape: { 1: ["'a#%%'", "'%#_%'"], 2: ["'#'"] },
  ilike_escape: { 1: ["'A#%%'", "'%#_%'"], 2: ["'#'"] },
  not_ilike_escape: { 1: ["'A#%%'", "'%#_%'"], 2: ["'#'"] },
  '~~~': { 1: ["'*a*'", "'?'", "'[a-z]*'", "'*'"] },
  regexp_matches: { 1: PATTERNS, 2: ["'i'", "'c'", "'s'"] },
  '!~': { 1: PATTERNS },
  '~*': { 1: PATTERNS },
  '!~*': { 1: PATTERNS },
  regexp_full_match: { 1: PATTERNS, 2: ["'i'", "'c'", "'s'"] },
  regexp_extract: { 1: PATTERNS, 2: ['0'], 3: ["'i'", "'c'"] },
  regexp_replace: { 1: PATTERNS, 2: ["'<\\0>'", "''", "'x'"], 3: ["'g'", "'i'", "'gi'"] },
  hamming: { 0: ["'abc'"], 1: ["'abd'", "'xyz'"] },
  jaccard: { 1: ["'abc'", "'zebra'"] },
  split_part: { 2: SIZES },
  unhex: { 0: ["'6162'", "'fF'", "''"] },
  unbin: { 0: ["'01100001'", "''"] },
  from_base64: { 0: ["'YWI='", "''"] },
  decode: { 0: ["'ab'::BLOB"] },
  jaro_similarity: { 2: ['0.5', '0.9'] },
  jaro_winkler_similarity: { 2: ['0.5', '0.9'] },
  epoch_ms: { 0: [] },
  parse_filename: { 2: ["'system'", "'forward_slash'"] },
  parse_dirname: { 1: ["'system'", "'both_slash'"] },
  parse_dirpath: { 1: ["'system'", "'both_slash'"] },
};

/** One overload, by kinds. */
export interface CallShape {
  readonly name: string;
  readonly args: readonly Kind[];
  readonly result: Kind;
  readonly isInexact: boolean;
}

/** What SQL of this kind a type is; undefined for types that are not generated. */
function kindOfType(type: DataType): Kind | undefined {
  const family = familyOf(type);
  if (family === 'timestamp') return type.id === 'timestamp' && type.timezone !== undefined ? 'zoned' : 'timestamp';
  if (family === 'binary') return 'blob';
  return KINDS.find((kind) => kind === family);
}

function* tuples(length: number): Generator<readonly Kind[]> {
  if (length === 0) {
    yield [];
    return;
  }
  for (const rest of tuples(length - 1)) for (const kind of KINDS) yield [kind, ...rest];
}

const ARGUMENTS_MAX = 3;
/** Overloads of a function with so many arguments that are asked for. */
const OVERLOADS_MAX = 40;

function listShapes(): readonly CallShape[] {
  const shapes: CallShape[] = [];
  for (const entry of FUNCTIONS) {
    // What answers anew for each row answers otherwise elsewhere.
    if (LEFT_OUT.has(entry.name) || isVolatile(entry.name)) continue;
    for (let count = 0; count <= ARGUMENTS_MAX; count++) {
      const own: CallShape[] = [];
      for (const args of tuples(count)) {
        const call = resolveFunction(
          entry.name,
          args.map((kind) => SAMPLE[kind]),
        );
        if (!('type' in call)) continue;
        const result = kindOfType(call.type);
        if (result !== undefined) {
          own.push({ name: entry.name, args, result, isInexact: INEXACT.has(entry.name) });
        }
      }
      // Of what takes anything some will do.
      const step = Math.ceil(own.length / OVERLOADS_MAX);
      shapes.push(...own.filter((_, i) => i % step === 0));
    }
  }
  return shapes;
}

/** Overloads by function, by what they give: a list for each name, so that each name is as likely. */
export type Calls = ReadonlyMap<Kind, readonly (readonly CallShape[])[]>;

const TYPE_NAME: Readonly<Record<Kind, string>> = {
  int: 'INTEGER',
  float: 'DOUBLE',
  decimal: 'DECIMAL(12, 3)',
  text: 'VARCHAR',
  bool: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  zoned: 'TIMESTAMPTZ',
  time: 'TIME',
  interval: 'INTERVAL',
  blob: 'BLOB',
};

/** The overloads that DuckDB has as well: `accepts` says for each query whether it can be planned there. */
export async function callsOf(accepts: (queries: readonly string[]) => Promise<readonly boolean[]>): Promise<Calls> {
  const shapes = listShapes();
  const queries = shapes.map((shape) => {
    const args = shape.args.map((kind, i) => constantsFor(shape, i)?.[0] ?? `CAST(NULL AS ${TYPE_NAME[kind]})`);
    return `SELECT ${callText(shape.name, args)}`;
  });
  const accepted = await accepts(queries);
  const byResult = new Map<Kind, Map<string, CallShape[]>>();
  for (const [i, shape] of shapes.entries()) {
    if (accepted[i] !== true) continue;
    const names = byResult.get(shape.result) ?? new Map<string, CallShape[]>();
    byResult.set(shape.result, names);
    names.set(shape.name, [...(names.get(shape.name) ?? []), shape]);
  }
  return new Map([...byResult].map(([kind, names]) => [kind, [...names.values()]]));
}

/** The constants of which one must stand for an argument; undefined where any expression may. */
export function constantsFor(shape: CallShape, index: number): readonly string[] | undefined {
  if (shape.name === 'printf' && shape.args[1] === 'int') return index === 0 ? INT_TEMPLATES : undefined;
  if (shape.name === 'strftime' && shape.args[0] === 'text') return index === 0 ? FORMATS : undefined;
  const constants = CONSTANTS[shape.name]?.[index];
  if (constants === undefined || constants.length === 0) return undefined;
  const kind = shape.args[index];
  const isText = constants[0]?.startsWith("'") === true;
  return isText === (kind === 'text') || kind === 'interval' || kind === 'blob' ? constants : undefined;
}

const INFIX = new Set(['+', '-', '*', '/', '//', '%', '^', '&', '|', '<<', '>>', '=', '<>', '<', '<=', '>', '>='])
  .add('||')
  .add('~*')
  .add('!~')
  .add('!~*')
  .add('~~~');

/** The call as SQL. */
export function callText(name: string, args: readonly string[]): string {
  const [a = '', b = ''] = args;
  if (name === 'is_distinct_from') return `(${a} IS DISTINCT FROM ${b})`;
  if (name === 'is_not_distinct_from') return `(${a} IS NOT DISTINCT FROM ${b})`;
  if (name === 'is_null') return `(${a} IS NULL)`;
  if (name === 'is_not_null') return `(${a} IS NOT NULL)`;
  if (name === 'like') return `(${a} LIKE ${b})`;
  if (name === 'not_like') return `(${a} NOT LIKE ${b})`;
  if (name === 'ilike') return `(${a} ILIKE ${b})`;
  if (name === 'not_ilike') return `(${a} NOT ILIKE ${b})`;
  if (INFIX.has(name)) return args.length === 1 ? `(${name} ${a})` : `(${a} ${name} ${b})`;
  if (name === '~') return `(~ ${a})`;
  return `${name}(${args.join(', ')})`;
}
