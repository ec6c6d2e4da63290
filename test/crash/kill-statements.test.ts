/**
 * kill -9 within statements: views that are made, replaced and dropped, tables that are replaced, defaults and NOT
 * NULL, COPY from and to files. The next start finds the database as it was before or as it shall be, and nothing
 * between.
 *
 * Method: a child (statement-victim.ts) makes a database, and kills itself within the statement; then the database is
 * opened here and asked the same questions as one that nobody killed, before and after. What was not done is done then.
 * At the end every file is held against the catalog, and no file of a COPY is left over. SHEAF_KILL_STEPS: how many of
 * the steps, chosen by seed (SHEAF_SEED); 0 is all of them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import { check } from '../../src/engine/maintenance.ts';
import { buildSources } from '../support/built-sources.ts';
import { makeRandom } from '../support/random.ts';
import { amount, report } from '../support/report.ts';
import { Doomed } from './doomed.ts';
import { run, SOURCE_FILE, sourceText, stateOf, STATEMENTS } from './kill-statement.ts';
import type { KilledStatement } from './kill-statement.ts';
import { makeFastDirectory } from './workload.ts';

type When = 'before' | 'half' | 'during' | 'after';
type StatementStep = readonly [statement: string, kind: string, when: When, nth?: number];

/** Around and within the one change of the catalog. */
function aroundCatalog(statement: string): StatementStep[] {
  return (['before', 'during', 'after'] as const).map((when) => [statement, 'catalog', when]);
}

/** While rows are written for that change. */
function whileWriting(statement: string): StatementStep[] {
  return [
    [statement, 'write', 'half'],
    [statement, 'write', 'after'],
    [statement, 'dataSync', 'before'],
    [statement, 'dataSync', 'after'],
  ];
}

/** While a file of COPY is written. */
function whileCopying(statement: string): StatementStep[] {
  return [
    [statement, 'writev', 'before'],
    [statement, 'writev', 'after'],
    [statement, 'datasync', 'before'],
    [statement, 'rename', 'before'],
    [statement, 'rename', 'after'],
    [statement, 'acknowledge', 'after'],
  ];
}

const STEPS: readonly StatementStep[] = [
  ...['create-view', 'replace-view', 'drop-view', 'replace-table'].flatMap(aroundCatalog),
  ...['set-default', 'drop-default', 'set-not-null', 'drop-not-null'].flatMap(aroundCatalog),
  ...['replace-table-as', 'create-table-as', 'copy-from'].flatMap((statement) => [
    ...whileWriting(statement),
    ...aroundCatalog(statement),
  ]),
  ['replace-table-as', 'create', 'after'],
  ['replace-table-as', 'syncDirectory', 'before'],
  ['copy-from', 'acknowledge', 'after'],
  ['replace-view', 'acknowledge', 'after'],
  ...['copy-to', 'copy-over'].flatMap(whileCopying),
];

/** How many of the steps the suite takes, by seed; 0 is all of them. */
const CHOSEN = amount('SHEAF_KILL_STEPS', 15);

/** How it looks before the statement, and after it. */
interface Outcomes {
  readonly before: string;
  readonly after: string;
}

/** A database and a directory for files, with the file that is read in it. */
function makePlace(): { readonly place: string; readonly directory: string; readonly files: string } {
  const place = makeFastDirectory();
  const [directory, files] = [join(place, 'database'), join(place, 'files')];
  mkdirSync(files);
  writeFileSync(join(files, SOURCE_FILE), sourceText());
  return { place, directory, files };
}

/** How it looks where nobody kills. */
async function expected({ before, sql, probes }: KilledStatement): Promise<Outcomes> {
  const { place, directory, files } = makePlace();
  const engine = await open(directory, { copyDirectory: files });
  try {
    for (const each of before) await run(engine, each);
    const first = await stateOf(engine, files, probes);
    await run(engine, sql);
    return { before: first, after: await stateOf(engine, files, probes) };
  } finally {
    await engine.close();
    rmSync(place, { recursive: true, force: true });
  }
}

/** Kills at one step, and looks at what is left. @throws AssertionError when it is neither */
async function killAt(program: string, step: StatementStep, outcomes: Outcomes): Promise<void> {
  const [name, kind, when, nth = 1] = step;
  const label = step.join(' ');
  const statement = STATEMENTS[name] as KilledStatement;
  const { place, directory, files } = makePlace();
  try {
    const child = new Doomed(program, [directory, files, name, kind, when, nth.toString()]);
    await child.until((text) => text.includes('end\n'));
    await child.ended;
    assert.equal(child.child.signalCode, 'SIGKILL', `${label}: it never came there: ${child.text}${child.errors}`);
    const engine = await open(directory, { copyDirectory: files });
    try {
      const found = await stateOf(engine, files, statement.probes);
      const isDone = found === outcomes.after;
      if (!isDone) assert.equal(found, outcomes.before, label);
      if (child.text.includes('ack\n')) assert.ok(isDone, `${label}: it was acknowledged, and is lost`);
      if (!isDone) await run(engine, statement.sql);
      assert.equal(await stateOf(engine, files, statement.probes), outcomes.after, `${label}: the next try`);
      await run(engine, "COPY (SELECT 1) TO 'last.csv'");
      const hidden = readdirSync(files).filter((file) => file.startsWith('.'));
      assert.deepEqual(hidden, [], `${label}: files of a COPY that was killed`);
    } finally {
      await engine.close();
    }
    assert.deepEqual((await check({ directory })).findings, [], label);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

test('killed within a statement, the next start finds it done or not begun', { timeout: 600_000 }, async (t) => {
  const program = join(buildSources(), 'test', 'crash', 'statement-victim.js');
  const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
  const random = makeRandom(seed);
  const chosen = CHOSEN === 0 ? STEPS : STEPS.filter(() => random() < CHOSEN / STEPS.length);
  const outcomes = new Map<string, Outcomes>();
  for (const [name] of chosen) {
    if (!outcomes.has(name)) outcomes.set(name, await expected(STATEMENTS[name] as KilledStatement));
  }
  for (const [name, { before, after }] of outcomes) assert.notEqual(before, after, name);
  const failures: string[] = [];
  for (const step of chosen) {
    await killAt(program, step, outcomes.get(step[0]) as Outcomes).catch((error: unknown) => {
      failures.push(String(error));
    });
  }
  t.diagnostic(`${chosen.length.toString()} of ${STEPS.length.toString()} steps, seed ${seed.toString()}`);
  report({
    id: 'kill-statements',
    what: 'kill -9 within CREATE, REPLACE and DROP of views, REPLACE of tables, defaults and NOT NULL, COPY from and to files',
    command: `SHEAF_KILL_STEPS=${CHOSEN.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- kill-statements`,
    count: chosen.length,
    unit: 'steps',
    result: `${failures.length.toString()} half done, lost, or that left a file`,
  });
  assert.deepEqual(failures, []);
});
