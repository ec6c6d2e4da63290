/**
 * Settings over a statement: the tree as it would be if everything that the session's settings say were written out.
 *
 * Hides which nodes a setting touches. Invariants: binding knows no settings; with default settings, and without
 * current_setting and SHOW of a setting, a statement is the very tree that was parsed; spans stay those of the text. As
 * in DuckDB, columns are named by what is meant: `a / b` is `(a // b)` under integer_division.
 */
import type { Span } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { ExprNode, FunctionCall, OrderItem, SelectItem, Statement } from '../sql/ast.ts';
import type { Node } from '../sql/walk.ts';
import { mapChildren } from '../sql/walk.ts';
import { sqlError } from '../sql/frame.ts';
import { plainSelect } from '../sql/plain-select.ts';
import { columnLabel } from '../sql/print.ts';
import type { SettingName, Settings } from './setting.ts';
import { knownSetting, settingNamed, settingText } from './setting.ts';

const LOOKUP = 'current_setting';

/** Writes `settings` into the statement. @throws `sql_bind` for current_setting of what is no setting */
export function applySettings(sql: string, statement: Statement, settings: Settings): Statement {
  const ordered = settings.default_order !== 'ASC' || settings.default_null_order !== 'NULLS_LAST';
  let written: Node = statement;
  if (settings.integer_division || ordered) written = writeDefaults(written, settings);
  if (foldName(sql).includes(LOOKUP)) written = writeLookups(sql, written, settings);
  if (MAY_SHOW.test(sql)) written = writeShown(sql, written, settings);
  return written as Statement;
}

/** A look at the text, so that most statements are not searched. */
const MAY_SHOW = /\bshow\b/iu;

/** SHOW of a name that is a setting's, with the query that shows it. */
function writeShown(sql: string, node: Node, settings: Settings): Node {
  const written = mapChildren(node, (child) => writeShown(sql, child, settings));
  if (written.kind !== 'describe' || !written.shows || written.target.kind !== 'table_name') return written;
  const behaviour = settings.show_behavior;
  const { path, span } = written.target;
  const name = path.map((part) => part.name).join('.');
  if (behaviour === 'setting') settingNamed(sql, name, span);
  const setting = path.length === 1 && written.target.at === undefined ? knownSetting(name) : undefined;
  if (setting === undefined || behaviour === 'table') return written;
  const alias = { kind: 'identifier', name, quoted: true, span } as const;
  const item = { kind: 'select_item', expr: settingValue(settings, setting, span), alias, span } as const;
  return { ...written, setting: { query: plainSelect([item], undefined, span), always: behaviour === 'setting' } };
}

function writeDefaults(node: Node, settings: Settings): Node {
  const written = mapChildren(node, (child) => writeDefaults(child, settings));
  if (written.kind === 'order_item') return writeOrder(written, settings);
  const divides = settings.integer_division && written.kind === 'binary' && written.operator === '/';
  return divides ? { ...written, operator: '//' } : written;
}

function writeOrder(item: OrderItem, settings: Settings): OrderItem {
  const descending = item.directed ? item.descending : settings.default_order === 'DESC';
  return { ...item, descending, directed: true, nullsFirst: item.nullsFirst ?? nullsFirst(settings, descending) };
}

function nullsFirst({ default_null_order }: Settings, descending: boolean): boolean {
  switch (default_null_order) {
    case 'NULLS_LAST':
      return false;
    case 'NULLS_FIRST':
      return true;
    case 'NULLS_FIRST_ON_ASC_LAST_ON_DESC':
      return !descending;
    case 'NULLS_LAST_ON_ASC_FIRST_ON_DESC':
      return descending;
  }
}

function writeLookups(sql: string, node: Node, settings: Settings): Node {
  const written = mapChildren(node, (child) => writeLookups(sql, child, settings));
  if (node.kind === 'select_item' && written !== node) return labelled(node, written as SelectItem);
  if (written.kind === 'function_call' && foldName(written.name.name) === LOOKUP)
    return lookUp(sql, written, settings);
  return written;
}

/** An item keeps the name that its own text gives it. */
function labelled(item: SelectItem, written: SelectItem): SelectItem {
  const { span } = item;
  const name = { kind: 'identifier', name: columnLabel(item.expr), quoted: true, span } as const;
  return { ...written, alias: item.alias ?? name };
}

function lookUp(sql: string, call: FunctionCall, settings: Settings): ExprNode {
  const { span } = call;
  const [arg, ...more] = call.args;
  if (arg?.kind !== 'string' || more.length > 0 || call.distinct || call.star) {
    throw sqlError('sql_bind', sql, span, `${LOOKUP} takes the name of a setting in quotes`);
  }
  return settingValue(settings, settingNamed(sql, arg.value, arg.span), span);
}

/** The value of a setting, of its type. */
function settingValue(settings: Settings, setting: SettingName, span: Span): ExprNode {
  const { text, type } = settingText(settings, setting);
  return {
    kind: 'cast',
    operand: { kind: 'string', value: text, span },
    type: { kind: 'type_name', name: type, sizes: [], members: [], lists: [], span },
    attempt: false,
    written: 'call',
    span,
  };
}
