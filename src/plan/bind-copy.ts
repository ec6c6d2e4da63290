/**
 * COPY: the file, its form, and which columns its rows go to.
 *
 * Hides the spellings of options. Invariants: an option is known, given once, and fits the form, or is refused at its
 * place; without FORMAT the file's ending says which form it has.
 */
import { makeSchema } from '../arrow/schema.ts';
import type { Field } from '../arrow/schema.ts';
import type { Source } from '../arrow/source.ts';
import type { DataType } from '../arrow/type.ts';
import type { ExprNode, Statement } from '../sql/ast.ts';
import type { CopyOption } from '../sql/ast-command.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { nearestName } from '../base/names.ts';
import { bindCatalog } from './bind-catalog.ts';
import { bindConstant } from './bind-constant.ts';
import { bindInsert, targetColumns } from './bind-insert.ts';
import type { Expr } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import { storedType } from './stored-type.ts';
import { castKind } from '../function/registry.ts';
import { insertOfFile, withRows } from './insert-rows.ts';
import type { ParsedStatement } from './needs.ts';
import type { CopyFile, CopyFormat, PhysicalPlan, PlanCatalog, PlannedStatement } from './physical.ts';
import { findTable } from './scope.ts';
import { DEFAULT_SETTINGS } from './setting.ts';

type CopyFrom = Extract<Statement, { kind: 'copy_from' }>;

const FORMATS: ReadonlyMap<string, CopyFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['json', 'ndjson'],
  ['arrow', 'arrow'],
  ['feather', 'arrow'],
  ['ipc', 'arrow'],
  ['arrows', 'arrows'],
  ['parquet', 'parquet'],
  ['pq', 'parquet'],
]);

/** Options by their names, and the field of `CopyFile` that each sets. */
const OPTIONS: ReadonlyMap<string, keyof CopyFile> = new Map<string, keyof CopyFile>([
  ['format', 'format'],
  ['header', 'header'],
  ['delimiter', 'delimiter'],
  ['delim', 'delimiter'],
  ['sep', 'delimiter'],
  ['quote', 'quote'],
  ['escape', 'escape'],
  ['null', 'nullText'],
  ['nullstr', 'nullText'],
  ['compression', 'compression'],
  ['codec', 'compression'],
]);

const CSV_ONLY: ReadonlySet<keyof CopyFile> = new Set([
  'header',
  'delimiter',
  'quote',
  'escape',
  'nullText',
] as const);

type Compression = NonNullable<CopyFile['compression']>;
const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'zstd', 'lz4_raw', 'brotli'];

/** Binds COPY FROM as far as it can be without the file. @throws `sql_bind`, `sql_unsupported` */
export function bindCopyFrom(parsed: ParsedStatement, node: CopyFrom, catalog: PlanCatalog): PlannedStatement {
  const { sql } = parsed;
  const { table, columns, path, options } = node;
  const found = findTable(sql, catalog, table);
  const { fields } = found.schema;
  const places = columns === undefined ? fields.keys() : targetColumns(sql, found, columns);
  const targets = makeSchema([...places].map((place) => fields[place] as Field));
  const file = fileOf(sql, path, options);
  // The file is known from here on, so that the parameters need not be.
  const statement: CopyFrom = { ...node, path: { kind: 'string', value: file.path, span: path.span }, options: [] };
  return { kind: 'copy_from', name: found.name, targets, file, statement: { ...parsed, statement } };
}

/** The INSERT of a file's rows; NDJSON says names, other files places. @throws `sql_bind`, `sql_unsupported` */
export function bindFile(
  { statement, file }: Extract<PlannedStatement, { kind: 'copy_from' }>,
  rows: Source,
  catalog: PlanCatalog,
): PlannedStatement {
  const { sql } = statement;
  const node = statement.statement as CopyFrom;
  const meaning = { settings: DEFAULT_SETTINGS, nowMicros: statement.nowMicros };
  const within = bindCatalog(withRows(catalog, rows), meaning);
  return bindInsert(sql, insertOfFile(node, file.format === 'ndjson'), within, []);
}

/** Binds COPY TO, whose rows are those of `plan`. @throws `sql_bind`, `sql_unsupported` */
export function bindCopyTo(
  sql: string,
  { path, options }: Extract<Statement, { kind: 'copy_to' }>,
  plan: PhysicalPlan,
): PlannedStatement {
  const file = fileOf(sql, path, options);
  return { kind: 'copy_to', plan: withWritableTypes(plan, file.format), file };
}

/** The plan with each column as the form takes it. */
function withWritableTypes(plan: PhysicalPlan, format: CopyFormat): PhysicalPlan {
  const { fields } = plan.schema;
  const types = fields.map(({ type }) => writtenType(type, format));
  if (types.every((type, i) => type === fields[i]?.type)) return plan;
  const span = { start: 0, end: 0 };
  const exprs = fields.map((field, index): Expr => {
    const column = columnOf(index, field, span);
    const type = types[index] as DataType;
    if (type === field.type) return column;
    return { kind: 'cast', operand: column, type, nullable: field.nullable, attempt: false, span };
  });
  const schema = makeSchema(fields.map((field, i) => ({ ...field, type: types[i] as DataType })));
  return { kind: 'project', schema, input: plan, exprs };
}

/** Bytes are text in DuckDB's form in text, which a cast reads back; Parquet has encodings of its own. */
function writtenType(type: DataType, format: CopyFormat): DataType {
  const isText = format === 'csv' || format === 'ndjson';
  if (isText) return type.id === 'binary' || type.id === 'large_binary' ? { id: 'utf8' } : type;
  const plain = storedType(type);
  return format === 'parquet' && castKind(type, plain) !== 'none' ? plain : type;
}

function fileOf(sql: string, node: ExprNode, options: readonly CopyOption[]): CopyFile {
  const literal = bindConstant(sql, node, 'COPY');
  const path = literal.value;
  if (typeof path !== 'string' || path === '') {
    throw sqlError('sql_bind', sql, node.span, 'COPY takes the name of a file');
  }
  const given = new Map<keyof CopyFile, CopyOption>();
  for (const option of options) {
    const field = OPTIONS.get(option.name.name.toLowerCase());
    if (field === undefined) throw unknownOption(sql, option);
    if (given.has(field)) throw sqlError('sql_bind', sql, option.span, 'the option is given twice');
    given.set(field, option);
  }
  const format = formatOf(sql, node, path, given.get('format'));
  for (const [field, option] of given) {
    if (format === 'csv' || !CSV_ONLY.has(field)) continue;
    throw sqlError('sql_bind', sql, option.span, `${option.name.name.toUpperCase()} belongs to CSV`);
  }
  const character = (field: 'delimiter' | 'quote' | 'escape'): string | undefined => {
    const option = given.get(field);
    return option === undefined ? undefined : characterOf(sql, option);
  };
  const isTabs = path.toLowerCase().replace(/\.gz$/u, '').endsWith('.tsv');
  return {
    path,
    format,
    header: flagOf(sql, given.get('header')),
    delimiter: character('delimiter') ?? (isTabs && format === 'csv' ? '\t' : undefined),
    quote: character('quote'),
    escape: character('escape'),
    nullText: textOf(sql, given.get('nullText')),
    compression: compressionOf(sql, format, path, given.get('compression')),
  };
}

function unknownOption(sql: string, { name }: CopyOption): Error {
  const near = nearestName(name.name, OPTIONS.keys());
  const hint = near === undefined ? `there are ${[...OPTIONS.keys()].join(', ')}` : `did you mean "${near}"?`;
  return sqlError('sql_unsupported', sql, name.span, `COPY has no option ${quoteText(name.name)} here`, hint);
}

/** An option's text, a bare word included; undefined when it was not given. */
function textOf(sql: string, option: CopyOption | undefined): string | undefined {
  if (option === undefined) return undefined;
  const { value, name } = option;
  const [word, ...more] = value?.kind === 'column_name' ? value.path : [];
  if (word !== undefined && more.length === 0) return word.name;
  const literal = value === undefined ? undefined : bindConstant(sql, value, name.name);
  if (typeof literal?.value === 'string') return literal.value;
  throw sqlError('sql_bind', sql, option.span, `${name.name.toUpperCase()} takes text in quotes`);
}

function characterOf(sql: string, option: CopyOption): string {
  const text = textOf(sql, option)?.replace(/^\\t$/u, '\t') ?? '';
  if (/^[\t\x20-\x7e]$/u.test(text)) return text;
  throw sqlError('sql_bind', sql, option.span, `${option.name.name.toUpperCase()} takes one ASCII character`);
}

function flagOf(sql: string, option: CopyOption | undefined): boolean | undefined {
  if (option === undefined) return undefined;
  const { value, name } = option;
  if (value === undefined) return true;
  const literal = value.kind === 'column_name' ? undefined : bindConstant(sql, value, name.name).value;
  if (typeof literal === 'boolean') return literal;
  if (literal === 0 || literal === 1) return literal === 1;
  throw sqlError('sql_bind', sql, option.span, `${name.name.toUpperCase()} takes true or false`);
}

function formatOf(sql: string, path: ExprNode, text: string, option: CopyOption | undefined): CopyFormat {
  const named = textOf(sql, option);
  const bare = text.toLowerCase().replace(/\.gz$/u, '');
  const ending = /\.([a-z0-9]+)$/u.exec(bare)?.[1];
  const format = FORMATS.get(named?.toLowerCase() ?? ending ?? '');
  if (format !== undefined) return format;
  const known = 'csv, ndjson, arrow, arrows, parquet';
  if (option !== undefined) {
    throw sqlError('sql_unsupported', sql, option.span, `there is no format ${quoteText(named ?? '')}`, known);
  }
  const message = 'the name of the file does not tell its format';
  throw sqlError('sql_bind', sql, path.span, message, `add (FORMAT …), one of ${known}`);
}

function compressionOf(
  sql: string,
  format: CopyFormat,
  path: string,
  option: CopyOption | undefined,
): CopyFile['compression'] {
  const text = textOf(sql, option)?.toLowerCase();
  const isZipped = path.toLowerCase().endsWith('.gz');
  if (option === undefined || text === 'auto' || text === 'auto_detect') return isZipped ? 'gzip' : undefined;
  const found = COMPRESSIONS.find((one) => one === (text === 'uncompressed' ? 'none' : text));
  const allowed = format === 'parquet' ? COMPRESSIONS : COMPRESSIONS.slice(0, 2);
  if (found !== undefined && allowed.includes(found) && !format.startsWith('arrow')) return found;
  const choice = format.startsWith('arrow') ? 'Arrow files are written as they are' : `choose ${allowed.join(', ')}`;
  throw sqlError('sql_unsupported', sql, option.span, `there is no such compression of ${format} here`, choice);
}
