/**
 * Progress lines, on a clock that stands still: what they tell, when they are due, and how a terminal's line is
 * rewritten.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress, progressLine } from '../../src/cli/progress.ts';
import type { Output } from '../../src/cli/host.ts';

class Recorder implements Output {
  readonly columns = 60;
  readonly isTerminal: boolean;
  text = '';
  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
  }
  write(bytes: Uint8Array | string): Promise<void> {
    this.text += String(bytes);
    return Promise.resolve();
  }
}

test('a line tells rows, share, rates and time left', () => {
  const line = (rows: number, bytes: number, totalBytes: number | undefined, seconds: number): string =>
    progressLine('t', { rows, bytes, totalBytes }, seconds);
  assert.equal(line(1_234_567, 50e6, 200e6, 2), 't: 1,234,567 rows, 25 %, 617,284 rows/s, 25.0 MB/s, 6 s left');
  assert.equal(line(10, 1e9, 100e9, 1), 't: 10 rows, 1 %, 10 rows/s, 1000 MB/s, 1 min 39 s left');
  assert.equal(line(10, 1e6, undefined, 1), 't: 10 rows, 10 rows/s, 1.0 MB/s');
  assert.equal(line(0, 0, 5, 1), 't: 0 rows, 0 %, 0 rows/s, 0.0 MB/s');
  assert.equal(line(1, 1, 1e6, 10), 't: 1 rows, 0 %, 0 rows/s, 0.0 MB/s, 2777.8 h left');
});

test('a terminal gets one line that is rewritten and then replaced', async () => {
  const output = new Recorder(true);
  let now = 0;
  const progress = new Progress(output, { wallMs: () => 0, monotonicMs: () => now }, 't');
  now = 50;
  await progress.update({ rows: 1, bytes: 1, totalBytes: 10 });
  assert.equal(output.text, '');
  now = 1_000;
  await progress.update({ rows: 100, bytes: 5, totalBytes: 10 });
  assert.equal(output.text, '\r\x1b[Kt: 100 rows, 50 %, 100 rows/s, 0.0 MB/s, 1 s left');
  output.text = '';
  now = 2_000;
  await progress.finish({ rows: 200, bytes: 10, totalBytes: 10 }, 'directory d');
  assert.equal(output.text, '\r\x1b[Kt: 200 rows imported in 2.00 s (100 rows/s, 0.0 MB/s) into directory d\n');
});

test('without a terminal a line is written every few seconds', async () => {
  const output = new Recorder(false);
  let now = 0;
  const progress = new Progress(output, { wallMs: () => 0, monotonicMs: () => now }, 't');
  for (now = 0; now <= 7_000; now += 500) await progress.update({ rows: now, bytes: now, totalBytes: undefined });
  assert.equal(
    output.text,
    't: 3000 rows, 1000 rows/s, 0.0 MB/s\nt: 6000 rows, 1000 rows/s, 0.0 MB/s\n'.replace(/(\d)(\d{3}) /g, '$1,$2 '),
  );
  await progress.abandon();
  assert.equal(output.text.endsWith('\n'), true);
});
