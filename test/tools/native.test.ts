/**
 * The native packages as tools/native mends them: what would end the process on some Node version does not.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Makes many statements that are garbage at once, and lets timers run, so that some are collected outside of
 * JavaScript.
 */
const COLLECT = `
const Database = require('better-sqlite3');
const database = new Database(':memory:');
let rounds = 0;
const timer = setInterval(() => {
  for (let i = 0; i < 2000; i++) database.pragma('page_count');
  if (++rounds < 20) return;
  clearInterval(timer);
  console.log('alive');
}, 5);
`;

test('collected SQLite statements do not end the process (Node 24.19 and later, tools/native/object-wrap.h)', () => {
  const words = ['--max-semi-space-size=1', '-e', COLLECT];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: 'utf8' });
  assert.equal(stdout, 'alive\n', stderr);
  assert.equal(status, 0);
});
