/**
 * sheaf_functions: every function, operator and aggregate with what its entry in the registry says.
 *
 * Hides how the type of an answer is learnt: the entry's example is bound. Invariant: made once a process, since
 * entries never change.
 */
import { UTF8 } from '../function/signature.ts';
import { AGGREGATES, FUNCTIONS } from '../function/registry.ts';
import { parseStatement } from '../sql/parse.ts';
import { bindCatalog } from './bind-catalog.ts';
import { bindQuery } from './bind-query.ts';
import { freezeMoment } from './moment.ts';
import type { PlanCatalog } from './physical.ts';
import type { NamedSource, RowColumn } from './row-source.ts';
import { rowSource } from './row-source.ts';
import { DEFAULT_SETTINGS } from './setting.ts';
import { sqlTypeName } from './sql-type.ts';

interface FunctionRow {
  readonly name: string;
  readonly kind: 'scalar' | 'operator' | 'aggregate';
  readonly args: string;
  readonly returns: string;
  readonly description: string;
  readonly example: string;
  readonly aliases: string;
}

const NOTHING: PlanCatalog = {
  table: () => undefined,
  tableNames: () => [],
  view: () => undefined,
  viewNames: () => [],
  at: () => NOTHING,
  system: () => undefined,
};

const EMPTY = bindCatalog(NOTHING, { settings: DEFAULT_SETTINGS, nowMicros: undefined });

/**
 * The query that an example of the registry stands for: `call → answer`, of an aggregate `call over rows → answer` with
 * columns x and y.
 */
export function exampleQuery(example: string, kind: FunctionRow['kind']): string {
  const [call = ''] = example.split(' → ');
  if (kind !== 'aggregate') return `SELECT ${call}`;
  const [, aggregate = '', rows = ''] = /^(.*) over (.*)$/u.exec(call) ?? [];
  if (rows.startsWith('(')) return `SELECT ${aggregate} FROM (VALUES ${rows}) AS t(x, y)`;
  const values = rows.split(', ').map((value) => `(${value})`);
  return `SELECT ${aggregate} FROM (VALUES ${values.join(', ')}) AS t(x)`;
}

/** The type of an example's answer. */
function answerType(example: string, kind: FunctionRow['kind']): string {
  const sql = exampleQuery(example, kind);
  const statement = freezeMoment(sql, parseStatement(sql), 0n);
  if (statement.kind !== 'select') throw new TypeError(`the example is no query: ${sql}`);
  const [field] = bindQuery(sql, statement, EMPTY).plan.schema.fields;
  return field === undefined ? '' : sqlTypeName(field.type);
}

let rows: readonly FunctionRow[] | undefined;

function makeRows(): readonly FunctionRow[] {
  const entries = [
    ...FUNCTIONS.map((entry) => ({ entry, kind: /^[a-z_]/u.test(entry.name) ? 'scalar' : 'operator' }) as const),
    ...AGGREGATES.map((entry) => ({ entry, kind: 'aggregate' }) as const),
  ];
  return entries.map(({ entry, kind }) => ({
    name: entry.name,
    kind,
    args: entry.expects,
    returns: answerType(entry.example, kind),
    description: entry.doc,
    example: entry.example,
    aliases: (entry.aliases ?? []).join(', '),
  }));
}

const COLUMNS: readonly RowColumn<FunctionRow>[] = [
  { name: 'name', type: UTF8, read: (row) => row.name, notNull: true },
  { name: 'kind', type: UTF8, read: (row) => row.kind, notNull: true },
  { name: 'arguments', type: UTF8, read: (row) => row.args, notNull: true },
  { name: 'returns', type: UTF8, read: (row) => row.returns, notNull: true },
  { name: 'description', type: UTF8, read: (row) => row.description, notNull: true },
  { name: 'example', type: UTF8, read: (row) => row.example, notNull: true },
  { name: 'aliases', type: UTF8, read: (row) => row.aliases, notNull: true },
];

/** The table, in the order of the registry. */
export function functionList(): NamedSource {
  rows ??= makeRows();
  return rowSource('sheaf_functions', COLUMNS, rows);
}
