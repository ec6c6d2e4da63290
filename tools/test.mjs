// `npm test`: installs what is missing, makes the Python environment, then types, lint, format, unused code, tests, small benches.
//
// Plain Node, so that it runs on a fresh clone before anything is installed. Ends at the first step that fails; prints each step's time.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installIfNeeded } from './install.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function step(name, command, args) {
  const started = Date.now();
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(command, args, { stdio: 'inherit', cwd: root });
  process.stdout.write(
    `== ${name}: ${status === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
  );
  if (status !== 0) process.exit(1);
}

installIfNeeded(root);
step('python environment', 'node', ['tools/python-env.mjs']);
step('types', 'npm', ['run', '--silent', 'types']);
step('lint', 'npm', ['run', '--silent', 'lint']);
step('format', 'npm', ['run', '--silent', 'format:check']);
step('unused code', 'npm', ['run', '--silent', 'unused']);
step('build', 'npm', ['run', '--silent', 'build']);
step('benches, small', 'npm', ['run', '--silent', 'bench', '--', '--small']);
step('tests', 'npm', ['run', '--silent', 'test:suite']);
