/**
 * docs/limits.md is made from the comments and values of base/limits.ts; UPDATE_GOLDEN=1 writes it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import * as limits from '../../src/base/limits.ts';
import { formatBytes } from '../../src/base/bytes.ts';

const DOC = new URL('../../docs/limits.md', import.meta.url);
const SOURCE = new URL('../../src/base/limits.ts', import.meta.url);

const HEAD = `# Limits

Every bound of Sheaf. This page is made from src/base/limits.ts
(\`UPDATE_GOLDEN=1 npm run test:suite -- limits\` writes it).

| Limit | Value | What it bounds |
|---|---|---|
`;

function shown(name: string, value: number): string {
  if (name.includes('_BYTES')) return formatBytes(value);
  if (name.endsWith('_MS')) return `${value.toLocaleString('en')} ms`;
  return value.toLocaleString('en');
}

test('docs/limits.md names every limit with its value', () => {
  const text = readFileSync(SOURCE, 'utf8');
  const rows = [...text.matchAll(/\/\*\*\s+(?:\* )?((?:[^*]|\*(?!\/))*?)\s*\*\/\nexport const (\w+)/g)].map(
    (match) => {
      const [, comment = '', name = ''] = match;
      const value = (limits as Readonly<Record<string, number>>)[name] ?? Number.NaN;
      return `| \`${name}\` | ${shown(name, value)} | ${comment.replace(/\s*\n\s*\*\s*/g, ' ')} |`;
    },
  );
  assert.equal(rows.length, Object.keys(limits).length, 'every exported limit has a comment');
  const wanted = `${HEAD}${rows.join('\n')}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(DOC, wanted);
  assert.equal(readFileSync(DOC, 'utf8'), wanted);
});
