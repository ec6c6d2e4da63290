/**
 * The examples of the function reference hold in DuckDB too.
 *
 * Method: each example becomes a query, which DuckDB runs, its answer cast to text; those that DuckDB cannot run or
 * writes in another way are named here with the reason.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGGREGATES, FUNCTIONS } from '../../src/function/registry.ts';
import { exampleQuery } from '../../src/plan/function-list.ts';
import { PYTHON_MISSING, pythonPath, runPython } from '../support/python.ts';

/** Why an example is not DuckDB's. */
const OTHERWISE: ReadonlyMap<string, string> = new Map([
  ['octet_length', 'of a literal DuckDB asks for a cast; of text it answers with the bytes as well'],
  ['strptime_ns', 'DuckDB has no such function: its strptime looks at the format'],
  ['try_strptime_ns', 'DuckDB has no such function: its try_strptime looks at the format'],
]);

const SCRIPT = `
import duckdb, json, sys
assert duckdb.__version__.startswith('2.0'), duckdb.__version__
connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
answers = []
for query in json.load(sys.stdin):
    try:
        value = connection.execute(query).fetchone()[0]
        answers.append('NULL' if value is None else value)
    except Exception as error:
        answers.append(f'error: {error}')
print(json.dumps(answers))
`;

const skip = pythonPath() === undefined ? PYTHON_MISSING : false;

test('the examples of functions and aggregates are true of DuckDB', { skip }, async () => {
  const examples = [
    ...FUNCTIONS.map(({ name, example }) => ({ name, example, query: exampleQuery(example, 'scalar') })),
    ...AGGREGATES.map(({ name, example }) => ({ name, example, query: exampleQuery(example, 'aggregate') })),
  ].filter(({ name }) => !OTHERWISE.has(name));
  const queries = examples.map(({ query }) => `SELECT CAST(answer AS VARCHAR) FROM (${query}) AS t(answer)`);
  const { stdout, stderr, status } = await runPython(SCRIPT, [], { input: Buffer.from(JSON.stringify(queries)) });
  assert.equal(status, 0, stderr);
  const answers = JSON.parse(stdout) as readonly string[];
  const shown = examples.map(({ example }, i) => `${example.split(' → ')[0] ?? ''} → ${answers[i] ?? ''}`);
  const wanted = examples.map(({ example }) => {
    const [call = '', answer = ''] = example.split(' → ');
    return `${call} → ${answer.replace(/^'(.*)'$/u, '$1')}`;
  });
  assert.deepEqual(shown, wanted);
  assert(examples.length > 250, `${examples.length.toString()} examples`);
});
