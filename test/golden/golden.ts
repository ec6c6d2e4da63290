/**
 * Golden files: text in, text out, in one file.
 *
 * A file is a list of cases. `> ` begins a case's input, `| ` below it continues it; what follows, up to the next
 * input, is the answer. `# ` lines are comments. UPDATE_GOLDEN=1 writes the answers anew; the diff is the review.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

type Answer = (input: string) => string | Promise<string>;

/** Holds every case of test/golden/`name` against `answer`, and returns the inputs. */
export async function checkGolden(name: string, answer: Answer): Promise<string[]> {
  const url = new URL(name, import.meta.url);
  const text = readFileSync(url, 'utf8');
  const made: string[] = [];
  const inputs: string[] = [];
  let input: string[] = [];
  const finish = async (): Promise<void> => {
    if (input.length === 0) return;
    const sql = input.join('\n');
    inputs.push(sql);
    made.push(...input.map((line, i) => `${i === 0 ? '>' : '|'} ${line}`), await answer(sql), '');
    input = [];
  };
  let inInput = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('> ')) {
      await finish();
      inInput = true;
      input.push(line.slice(2));
      continue;
    }
    if (inInput && line.startsWith('| ')) {
      input.push(line.slice(2));
      continue;
    }
    inInput = false;
    if (!line.startsWith('# ')) continue;
    await finish();
    made.push(line);
  }
  await finish();
  const wanted = made.join('\n');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(url, wanted);
  assert.equal(readFileSync(url, 'utf8'), wanted);
  return inputs;
}
