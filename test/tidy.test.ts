/**
 * The house rules as tests: layers, entry files, sole users of packages, file and function size, headers, markers.
 *
 * Method: every file under src is read as text; import statements are held against the table below, which is the one of
 * ARCHITECTURE.md. Each check is a function over (path, text), and is itself tested on planted faults at the end.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Room {
  /** Folders whose entry files may be imported. */
  readonly mayImport: readonly string[];
  /** Files (without .ts) that other folders may import. */
  readonly entries: readonly string[];
}

const BELOW_ENGINE = [
  'base',
  'os',
  'arrow',
  'catalog',
  'storage',
  'sql',
  'function',
  'plan',
  'codegen',
  'exec',
  'format',
];

/** The layers, lowest first. */
const ROOMS: Readonly<Record<string, Room>> = {
  base: {
    mayImport: [],
    entries: ['assert', 'errors', 'limits', 'bytes', 'clock', 'log', 'metrics', 'names', 'certificates'],
  },
  os: { mayImport: ['base'], entries: ['os', 'real-os', 'thread', 'confined'] },
  arrow: {
    mayImport: ['base'],
    entries: [
      'type',
      'schema',
      'vector',
      'batch',
      'source',
      'value',
      'build',
      'interop',
      'compression',
      'null-vector',
      'slice',
      'concat',
    ].concat([
      'dictionary-merge',
      'ipc-schema',
      'ipc-header',
      'ipc-read',
      'ipc-write',
      'ipc-stream',
      'ipc-file',
      'bits',
      'offsets',
    ]),
  },
  catalog: {
    mayImport: ['base', 'os', 'arrow'],
    entries: ['catalog', 'rows', 'lock', 'inspect', 'copy', 'rebuild', 'log-file', 'access-file'],
  },
  storage: {
    mayImport: ['base', 'os', 'arrow', 'catalog'],
    entries: ['storage', 'contract', 'check', 'backup', 'restore', 'repair'],
  },
  sql: {
    mayImport: ['base'],
    entries: [
      'parse',
      'ast',
      'ast-alter',
      'ast-command',
      'ast-view',
      'ast-window',
      'plain-select',
      'print',
      'frame',
      'walk',
      'keyword',
    ],
  },
  function: {
    mayImport: ['base', 'arrow'],
    entries: ['registry', 'contract', 'signature', 'constant', 'column', 'key-table', 'byte-rows', 'compare-kernel']
      .concat(['validity', 'run-end', 'decode', 'interval', 'aggregate-sum', 'integers', 'key-set', 'range-keys'])
      .concat(['gather', 'value-order', 'list-rows', 'nested-type', 'date-part', 'date-calendar', 'time-bucket'])
      .concat(['pattern-like', 'pattern-match']),
  },
  plan: {
    mayImport: ['base', 'arrow', 'sql', 'function'],
    entries: [
      'plan',
      'logical',
      'physical',
      'expr',
      'expr-walk',
      'explain',
      'explain-figures',
      'needs',
      'setting',
      'row-source',
      'system-name',
      'information-schema',
      'sql-type',
      'function-list',
      'bind-default',
      'parameter-value',
      'bind-execute',
      'bind-copy',
    ],
  },
  codegen: { mayImport: ['base'], entries: ['code', 'opcode', 'module', 'compile'] },
  exec: {
    mayImport: ['base', 'os', 'arrow', 'function', 'plan', 'codegen'],
    entries: ['exec', 'edit', 'edit-rows', 'compiled-pipeline'],
  },
  format: {
    mayImport: ['base', 'arrow'],
    entries: [
      'csv-read',
      'csv-write',
      'ndjson-read',
      'ndjson-write',
      'json-write',
      'table-write',
      'file-read',
      'file-write',
    ],
  },
  engine: {
    mayImport: BELOW_ENGINE,
    entries: ['engine', 'contract', 'library', 'maintenance', 'gate', 'tokens', 'dialect'],
  },
  flight: { mayImport: ['base', 'arrow', 'engine'], entries: ['door', 'encode', 'message'] },
  client: { mayImport: ['base', 'arrow', 'flight'], entries: ['http-client', 'flight-client', 'library'] },
  http: { mayImport: ['base', 'arrow', 'engine', 'format'], entries: ['server'] },
  cli: { mayImport: ['base', 'arrow', 'engine', 'format', 'client'], entries: ['cli', 'host'] },
};
const TOP_FILES = new Set(['main.ts', 'config.ts']);

/** Packages, and the folders (or top files) that alone may import them. */
const SOLE_USERS: Readonly<Record<string, readonly string[]>> = {
  'node:fs': ['os'],
  'node:fs/promises': ['os'],
  'mmap-io': ['os'],
  'node:worker_threads': ['os'],
  'apache-arrow': ['arrow'],
  flatbuffers: ['arrow'],
  'lz4-napi': ['arrow'],
  '@bokuweb/zstd-wasm': ['arrow'],
  'better-sqlite3': ['catalog'],
  '@grpc/grpc-js': ['flight', 'client'],
  '@grpc/proto-loader': ['flight'],
  'node:http': ['http', 'client'],
  'node:https': ['http', 'client'],
  'parquet-wasm': ['format'],
  commander: ['cli'],
  pino: ['base'],
  'prom-client': ['base'],
};

const LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 120;
const MARKERS = /\b(TODO|FIXME|XXX|HACK)\b/;

const root = fileURLToPath(new URL('..', import.meta.url));

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`)
    .sort();
}

/** Import specifiers of a file, dynamic imports included. */
function importsOf(text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s+'([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm,
  )) {
    found.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return found;
}

function roomOf(path: string): string {
  const parts = path.split('/');
  return parts.length === 2 ? '' : (parts[1] ?? '');
}

function layerFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  const from = roomOf(path);
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) {
      const target = join(dirname(path), specifier);
      const to = roomOf(target);
      if (to === from) continue;
      const room = ROOMS[to];
      const isTop = TOP_FILES.has(path.slice('src/'.length));
      if (room === undefined) faults.push(`${path} imports ${target}, which is in no room`);
      else {
        if (!isTop && !(ROOMS[from]?.mayImport.includes(to) ?? false))
          faults.push(`${path}: ${from} may not import ${to}`);
        const entry = target.slice(`src/${to}/`.length, -'.ts'.length);
        if (!room.entries.includes(entry)) faults.push(`${path}: ${target} is not an entry file of ${to}`);
      }
    } else {
      const name = specifier.startsWith('apache-arrow/') ? 'apache-arrow' : specifier;
      const users = SOLE_USERS[name];
      if (users !== undefined && !users.includes(from))
        faults.push(`${path}: only ${users.join(', ')} may import ${specifier}`);
    }
  }
  return faults;
}

/** WebAssembly is made and run by codegen alone; a package that brings its own does so by itself. */
function wasmFaults(path: string, text: string): string[] {
  if (roomOf(path) === 'codegen') return [];
  return /\bWebAssembly\.\w|\bdeclare const WebAssembly\b/.test(text)
    ? [`${path}: only codegen may use WebAssembly`]
    : [];
}

function processFaults(path: string, text: string): string[] {
  if (TOP_FILES.has(path.slice('src/'.length))) return [];
  return /\bprocess\.(env|exit)\b/.test(text)
    ? [`${path}: only main.ts and config.ts may use process.env and process.exit`]
    : [];
}

function shapeFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  const lines = text.split('\n');
  if (lines.length - 1 > LINES_MAX)
    faults.push(`${path}: ${(lines.length - 1).toString()} lines, at most ${LINES_MAX.toString()}`);
  lines.forEach((line, i) => {
    if (line.length > COLUMNS_MAX && !/['`/][,;]?\)?[,;]?$/.test(line))
      faults.push(`${path}:${(i + 1).toString()}: line longer than ${COLUMNS_MAX.toString()}`);
    if (MARKERS.test(line) && !path.endsWith('tidy.test.ts'))
      faults.push(`${path}:${(i + 1).toString()}: leftover marker`);
  });
  if (!/^(#!.*\n)?\/\*\*?[\s*]/.test(text)) faults.push(`${path}: no header comment`);
  const name = path.split('/').at(-1) ?? '';
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|fuzz|bench))?\.ts$/.test(name))
    faults.push(`${path}: file names are kebab-case`);
  return faults;
}

/**
 * Functions and methods by their indentation: prettier's shape makes the closing brace stand under the opening line.
 */
function functionFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  const lines = text.split('\n');
  const opening =
    /^(\s*)(?:export )?(?:(?:async )?function\b|(?:(?:static|private|override|async|get|set|readonly) )*[#\w]+\*?\([^;]*\)?.*\{$)/;
  lines.forEach((line, start) => {
    const match = opening.exec(line);
    if (match === null || /^\s*(if|for|while|switch|return|else|describe|test|it|suite|catch)\b/.test(line)) return;
    const indent = match[1] ?? '';
    const length = lines.slice(start + 1).findIndex((other) => other.startsWith(`${indent}}`)) + 2;
    if (length > FUNCTION_LINES_MAX) {
      faults.push(
        `${path}:${(start + 1).toString()}: function of ${length.toString()} lines, at most ${FUNCTION_LINES_MAX.toString()}`,
      );
    }
  });
  return faults;
}

/** Files under src that nothing imports and that start nothing. */
function deadFiles(texts: ReadonlyMap<string, string>): string[] {
  const reached = new Set<string>(['src/main.ts', 'src/engine/library.ts', 'src/client/library.ts']);
  for (const [path, text] of texts) {
    for (const specifier of importsOf(text))
      if (specifier.startsWith('.')) reached.add(join(dirname(path), specifier));
    for (const match of text.matchAll(/new URL\(\s*[`'](\.{1,2}\/[\w./-]+?)(?:\.ts|\.js|\$\{[^}]*\})?[`']/g)) {
      reached.add(`${join(dirname(path), match[1] ?? '')}.ts`);
    }
    for (const match of text.matchAll(/moduleBeside\(import\.meta\.url, '([\w-]+)'\)/g)) {
      reached.add(`${join(dirname(path), match[1] ?? '')}.ts`);
    }
  }
  return [...texts.keys()].filter((path) => !reached.has(path));
}

const sources = new Map(filesBelow('src').map((path) => [path, readFileSync(join(root, path), 'utf8')]));
const others = [...filesBelow('test'), ...filesBelow('bench')].map(
  (path) => [path, readFileSync(join(root, path), 'utf8')] as const,
);

test('a folder imports only entry files of the folders below it, and packages have one user', () => {
  assert.deepEqual(
    [...sources].flatMap(([path, text]) => layerFaults(path, text)),
    [],
  );
});

test('only main and config touch the process environment and its exit', () => {
  assert.deepEqual(
    [...sources].flatMap(([path, text]) => processFaults(path, text)),
    [],
  );
});

test('only codegen makes and runs WebAssembly', () => {
  assert.deepEqual(
    [...sources].flatMap(([path, text]) => wasmFaults(path, text)),
    [],
  );
});

test('files and lines are short, have a header, kebab-case names and no leftover markers', () => {
  assert.deepEqual(
    [...sources, ...others].flatMap(([path, text]) => shapeFaults(path, text)),
    [],
  );
});

test('functions are at most 70 lines', () => {
  assert.deepEqual(
    [...sources].flatMap(([path, text]) => functionFaults(path, text)),
    [],
  );
});

test('no file under src is dead', () => {
  assert.deepEqual(deadFiles(sources), []);
});

/** Every file that `start` loads when it runs, itself included; imports of types load nothing. */
function loadedBy(start: string): Set<string> {
  const loaded = new Set([start]);
  for (const path of loaded) {
    const text = (sources.get(path) ?? '').replaceAll(/^import type\b[^;]*;/gm, '');
    for (const specifier of importsOf(text))
      if (specifier.startsWith('.')) loaded.add(join(dirname(path), specifier));
  }
  return loaded;
}

test('the client for programs loads nothing of the server', () => {
  const rooms = new Set([...loadedBy('src/client/library.ts')].map(roomOf));
  assert.deepEqual([...rooms].sort(), ['arrow', 'base', 'client', 'flight']);
  assert.ok(loadedBy('src/engine/library.ts').has('src/storage/storage.ts'));
});

test('no bound of the product is a number outside base/limits', () => {
  // The extremes of a number type, and a count of digits, are facts of arithmetic and bound nothing.
  const constants = /^(?:export )?const (?!INT32_MAX|DECIMAL_DIGITS_MAX|EXPONENT_MAX|NO_MAX)[A-Z0-9_]+_MAX\b/m;
  assert.deepEqual(
    [...sources]
      .filter(([path, text]) => path !== 'src/base/limits.ts' && constants.test(text))
      .map(([path]) => path),
    [],
  );
});

test('the checks find planted faults', () => {
  assert.deepEqual(layerFaults('src/sql/parse.ts', "import { x } from '../storage/storage.ts';\n"), [
    'src/sql/parse.ts: sql may not import storage',
  ]);
  assert.deepEqual(layerFaults('src/engine/engine.ts', "import { x } from '../storage/segment.ts';\n"), [
    'src/engine/engine.ts: src/storage/segment.ts is not an entry file of storage',
  ]);
  assert.deepEqual(layerFaults('src/http/server.ts', "import { readFile } from 'node:fs/promises';\n"), [
    'src/http/server.ts: only os may import node:fs/promises',
  ]);
  assert.equal(processFaults('src/http/server.ts', 'process.exit(1)').length, 1);
  assert.equal(wasmFaults('src/exec/exec.ts', 'new WebAssembly.Module(bytes)').length, 1);
  assert.deepEqual(wasmFaults('src/codegen/compile.ts', 'new WebAssembly.Module(bytes)'), []);
  assert.equal(shapeFaults('src/a/B.ts', 'x\n').length, 2);
  assert.equal(shapeFaults('src/a/b.ts', `/** b */\n// ${'TO'}DO later\n`).length, 1);
  assert.equal(functionFaults('src/a/b.ts', `function f() {\n${'  x();\n'.repeat(80)}}\n`).length, 1);
  assert.deepEqual(deadFiles(new Map([['src/a/b.ts', '']])), ['src/a/b.ts']);
  assert.equal(relative(root, join(root, 'src')), 'src');
});
