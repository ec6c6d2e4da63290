// Makes the virtual environment of the tests, .venv, from test/clients/requirements.txt.
//
// Does nothing when it is there and was made from the same requirements. Needs nothing but Node and Python 3 with venv.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const requirements = join(root, 'test', 'clients', 'requirements.txt');
const environment = join(root, '.venv');
const stamp = join(environment, 'sheaf-requirements.sha256');
const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', cwd: root });
  if (status !== 0) {
    process.stderr.write(
      `python environment: ${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}\n`,
    );
    process.exit(1);
  }
}

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  process.stdout.write('python environment: making .venv from test/clients/requirements.txt\n');
  rmSync(environment, { recursive: true, force: true });
  run('python3', ['-m', 'venv', environment]);
  run(join(environment, 'bin', 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    requirements,
  ]);
  writeFileSync(stamp, wanted);
}
