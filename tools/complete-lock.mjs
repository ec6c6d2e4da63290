// Completes package-lock.json with the optional packages of other platforms (`node tools/complete-lock.mjs`, after
// `npm install`).
//
// npm writes only those optional packages into the lock that its registry could give it; a mirror that carries no
// packages for other platforms makes a lock that `npm ci` then refuses as out of step, on every machine. The names of
// such packages tell their platform, so their entries can be written without asking anybody: version, os, cpu, libc,
// optional. They carry no integrity hash until somebody locks them from a full registry. Changes nothing where
// nothing is missing.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const packages = lock.packages;

/** os, cpu and libc of a package by its name's last words, or undefined when the name does not tell. */
function platformOf(name) {
  const match =
    /(android|darwin|freebsd|linux|openharmony|sunos|netbsd|openbsd|aix|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-([a-z]+))?$/.exec(
      name,
    );
  if (match === null) return undefined;
  const [, os, cpu, abi] = match;
  const libc = abi?.startsWith('musl') ? ['musl'] : abi?.startsWith('gnu') ? ['glibc'] : undefined;
  return { os: [os], cpu: [cpu], ...(libc !== undefined && cpu !== 'arm' ? { libc } : {}) };
}

let added = 0;
for (const entry of Object.values(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    const platform = platformOf(name);
    if (packages[place] !== undefined || platform === undefined || !/^\d/.test(version)) continue;
    packages[place] = { version, dev: entry.dev, ...platform, optional: true };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
if (added > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.toString()} entries added to package-lock.json\n`);
