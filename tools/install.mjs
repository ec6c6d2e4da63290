// Installs the packages of package-lock.json where they are missing or stale; shared by `npm test` and `npm run
// quickstart`.
//
// "Stale" is decided by a stamp of the lock file's content, the mends of tools/native, and the Node version that the
// native packages were built for; without a stamp, by a look at what is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs `npm ci` in `root` unless node_modules already fits; ends the program with 1 when that fails. */
export function installIfNeeded(root) {
  const stamp = join(root, 'node_modules', '.sheaf-install');
  const lock = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lock);
  const native = join(root, 'tools', 'native');
  for (const name of readdirSync(native).sort()) hash.update(readFileSync(join(native, name)));
  const wanted = `${hash.digest('hex')} ${process.versions.modules} ${process.arch}`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (fits(root, lock)) {
    writeFileSync(stamp, wanted);
    return;
  }
  process.stdout.write('installing packages (npm ci; compiles two native packages, some minutes the first time)\n');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { stdio: 'inherit', cwd: root });
  if (status !== 0) {
    process.stderr.write('npm ci failed; a C++ compiler, make and Python 3 are needed for the native packages\n');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** True when somebody has installed by hand what the lock names, and the native packages load in this Node. */
function fits(root, lock) {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const there = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const same = Object.entries(JSON.parse(lock).packages).every(([place, { version, optional, devOptional }]) => {
    if (place === '') return true;
    return there[place] === undefined ? (optional ?? devOptional ?? false) : there[place].version === version;
  });
  const trial = "new (require('better-sqlite3'))(':memory:'); require('mmap-io')";
  const mended = existsSync(join(root, 'node_modules', 'better-sqlite3', 'src', 'sheaf-object-wrap.h'));
  return same && mended && spawnSync(process.execPath, ['-e', trial], { cwd: root }).status === 0;
}
