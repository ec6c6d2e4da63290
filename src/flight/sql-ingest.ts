/**
 * Flight SQL's bulk ingest: which table the stream goes to, and what is to become of one that is there or not there.
 *
 * Hides the options' numbers. Invariant: what the options ask for holds also against a table that somebody else makes
 * or drops meanwhile, as far as it is about making it: `new` and `replace` are decided by the commit.
 */
import { EngineError } from '../base/errors.ts';
import type { Engine, PutOptions } from '../engine/contract.ts';
import type { Caller } from './caller.ts';
import type { MessageTypes, TableDefinitionOptions } from './message-type.ts';
import { refuseTransaction } from './sql-command.ts';
import type { SqlCommand } from './sql-command.ts';

const CATALOG = 'sheaf';
const SCHEMA = 'main';

/** What the protocol's numbers ask for. */
const IF_MISSING_FAIL = 2;
const IF_EXISTS_FAIL = 1;
const IF_EXISTS_REPLACE = 3;

/** Where an ingest goes. @throws `unimplemented`, `already_exists`, `not_found`, `request_invalid` */
export function ingestTarget(
  { engine }: Caller,
  command: Extract<SqlCommand, { readonly name: 'CommandStatementIngest' }>,
): { readonly table: string; readonly create: PutOptions['create'] } {
  const { fields } = command;
  refuseTransaction(fields.transaction_id);
  if (fields.temporary) {
    throw new EngineError('unimplemented', 'temporary tables are not offered; ingest into a table and drop it later');
  }
  checkPlace(fields);
  const { table, table_definition_options: options } = fields;
  return { table, create: creation(engine, table, options ?? { if_not_exist: 0, if_exists: 0 }) };
}

function creation(
  engine: Engine,
  table: string,
  { if_not_exist: ifMissing, if_exists: ifExists }: TableDefinitionOptions,
): PutOptions['create'] {
  if (ifMissing === IF_MISSING_FAIL) {
    if (ifExists === IF_EXISTS_FAIL) {
      const message = 'the ingest may neither make the table nor add to one that is there; change its options';
      throw new EngineError('request_invalid', message);
    }
    // Says which table is missing, with the nearest name.
    engine.table(table);
    return ifExists === IF_EXISTS_REPLACE ? 'replace' : false;
  }
  if (ifExists === IF_EXISTS_REPLACE) return 'replace';
  return ifExists === IF_EXISTS_FAIL ? 'new' : true;
}

/** @throws `not_found` unless catalog and schema are ours, or left out */
function checkPlace({ catalog, schema }: MessageTypes['CommandStatementIngest']): void {
  if (catalog !== undefined && catalog !== '' && catalog !== CATALOG) {
    throw new EngineError('not_found', `there is no catalog ${JSON.stringify(catalog)}; it is called ${CATALOG}`);
  }
  if (schema !== undefined && schema !== '' && schema !== SCHEMA) {
    throw new EngineError('not_found', `there is no schema ${JSON.stringify(schema)}; it is called ${SCHEMA}`);
  }
}
