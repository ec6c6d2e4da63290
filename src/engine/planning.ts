/**
 * From a statement to its plan: text or what was prepared, values of parameters, the world that it is planned on.
 *
 * Hides EXECUTE, which is the statement that the session keeps under that name, with its values. Invariants: what is
 * planned is one statement with a value for each parameter; the snapshot belongs to the world, also when planning
 * fails.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Source } from '../arrow/source.ts';
import { EngineError } from '../base/errors.ts';
import { SQL_LENGTH_MAX } from '../base/limits.ts';
import { makeHistogram } from '../base/metrics.ts';
import { compiledOperators } from '../exec/compiled-pipeline.ts';
import { analyzePlan } from '../exec/exec.ts';
import type { RunOptions } from '../exec/exec.ts';
import { assert } from '../base/assert.ts';
import { valuesOfExecute } from '../plan/bind-execute.ts';
import type { RunFigures } from '../plan/explain-figures.ts';
import { atMoment, readStatement, withMemory } from '../plan/needs.ts';
import type { ParsedStatement } from '../plan/needs.ts';
import { literalsOf, literalsOfRow } from '../plan/parameter-value.ts';
import type { GivenValues, ParameterValues } from '../plan/parameter-value.ts';
import type { PhysicalPlan, PlannedStatement } from '../plan/physical.ts';
import { planInsertOf, planWith, recallPlan } from '../plan/plan.ts';
import type { PlanOptions } from '../plan/plan.ts';
import { DEFAULT_SETTINGS } from '../plan/setting.ts';
import type { NamedSource } from '../plan/row-source.ts';
import type { Snapshot, Storage } from '../storage/contract.ts';
import type { Queries } from './query-log.ts';
import type { Session } from './session.ts';
import type { StatementCache } from './statement-cache.ts';
import { openWorld, plainWorld, withTable } from './world.ts';
import type { World } from './world.ts';

const planSeconds = makeHistogram('plan_seconds', 'Time from SQL text to plan');

/** A statement that is about to be planned. */
export interface Request {
  readonly parsed: ParsedStatement;
  readonly values: GivenValues;
  /** An INSERT of many rows: the parameters' values, a column for each; `values` are not looked at then. */
  readonly rows?: Source;
}

/** Whose statement it is, and what stands for its parameters. */
export interface RequestOptions {
  readonly session?: Session;
  readonly values?: ParameterValues;
  /** The same as a batch of one row, a column for each parameter in order. */
  readonly row?: RecordBatch;
  readonly statements: StatementCache;
}

/**
 * The statement that `sql` asks for; now() is `nowMs`.
 * @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded`; `request_invalid`, `sql_bind` for values that do not fit
 */
export function readRequest(sql: string, nowMs: number, options: RequestOptions): Request {
  checkLength(sql);
  const { session, values, row, statements } = options;
  const nowMicros = BigInt(nowMs) * 1_000n;
  const parsed = atMoment(statements.read(sql, session?.settings ?? DEFAULT_SETTINGS), nowMicros);
  const { statement, parameters } = parsed;
  if (statement.kind === 'execute') {
    if (session === undefined) throw noSession('EXECUTE');
    const prepared = session.prepared(statement.name.name);
    const given = valuesOfExecute(sql, parameters, statement.args, prepared.parameters);
    return { parsed: atMoment(prepared, nowMicros), values: given };
  }
  if (row !== undefined) return { parsed, values: literalsOfRow(parameters, row, 0) };
  return { parsed, values: statement.kind === 'prepare' ? [] : literalsOf(parameters, values) };
}

/** The statement that is to be prepared. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function readPrepared(sql: string): ParsedStatement {
  checkLength(sql);
  return withMemory(readStatement(sql));
}

function checkLength(sql: string): void {
  if (sql.length > SQL_LENGTH_MAX) {
    const lengths = `${sql.length.toString()} characters, at most ${SQL_LENGTH_MAX.toString()} are allowed`;
    throw new EngineError('limit_exceeded', `the SQL text has ${lengths}`);
  }
}

/**
 * Keeps in `session` the statement that the text of a PREPARE prepares, as running that would. @throws as `readRequest`
 */
export function prepareAgain(session: Session, sql: string): void {
  const { statement, parameters } = readStatement(sql);
  assert(statement.kind === 'prepare', 'the text is that of a PREPARE');
  const prepared = { sql, statement: statement.statement, parameters, nowMicros: undefined, memory: undefined };
  session.prepare(statement.name.name, prepared);
}

/** What planning is done with. */
export interface Planning {
  readonly storage: Storage;
  readonly queries: Queries;
  /** How EXPLAIN ANALYZE runs what it explains. */
  readonly run: RunOptions;
  readonly session: Session | undefined;
  /** A table beside those of the snapshot, which hides one of its name there. */
  readonly input?: NamedSource | undefined;
}

/** Plans on `snapshot`, which is the world's from here on. @throws as `planStatement` */
export async function planRequest(
  { storage, queries, run, session, input }: Planning,
  request: () => Request,
  snapshot: Snapshot,
): Promise<{ readonly planned: PlannedStatement; readonly world: World; readonly sql: string }> {
  const end = planSeconds.startTimer();
  let world: World | undefined;
  try {
    const { parsed, values, rows } = request();
    const settings = session?.settings ?? DEFAULT_SETTINGS;
    const given = rows === undefined ? values : undefined;
    const plain = given === undefined || input !== undefined ? undefined : plainWorld(snapshot);
    const known = plain === undefined ? undefined : recallPlan(parsed, plain.catalog, settings, values);
    if (plain !== undefined && known !== undefined) return { planned: known, world: plain, sql: parsed.sql };
    world = await openWorld(parsed, given, snapshot, { storage, queries, settings });
    const analyze = (plan: PhysicalPlan): Promise<RunFigures> => analyzePlan(plan, run);
    const options: PlanOptions = { settings, compiledOperators, analyze };
    const catalog = input === undefined ? world.catalog : withTable(world.catalog, input);
    const bulk = rows === undefined ? undefined : planInsertOf(parsed, catalog, options, rows);
    return { planned: bulk ?? planWith(parsed, catalog, options, values), world, sql: parsed.sql };
  } catch (error) {
    if (world === undefined) snapshot.release();
    else world.release();
    throw error;
  } finally {
    end();
  }
}

/** The error for what needs a session where none is kept. */
export function noSession(what: string): EngineError {
  const remedy = 'sessions are kept over Flight, and in an embedded database';
  return new EngineError('request_invalid', `${what} needs a session, and this door keeps none; ${remedy}`);
}
