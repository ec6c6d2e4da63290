/**
 * The sources as JavaScript in a directory of their own: what tests start in children by the hundred (a child from the
 * sources takes three times as long), and what they break on purpose.
 *
 * Hides the compiler. Invariants: the repository is not touched; a change whose text is not found exactly once fails,
 * so that no build is taken for broken that is not; the directory lies in node_modules, where packages are found, and
 * goes away with the process.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PARTS = ['src', 'test/crash', 'test/support', 'test/storage'];

/** Text of a source file that is replaced. */
export interface Breakage {
  /** Path from the repository's root. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

let count = 0;

/** Builds `src` and the crash tests; returns the directory that holds `src/…js` and `test/…js`. */
export function buildSources(breakages: readonly Breakage[] = []): string {
  const place = join(ROOT, 'node_modules', '.cache', `sheaf-build-${process.pid.toString()}-${(count++).toString()}`);
  const sources = join(place, 'sources');
  process.on('exit', () => rmSync(place, { recursive: true, force: true }));
  for (const part of PARTS) {
    cpSync(join(ROOT, part), join(sources, part), { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
  }
  for (const breakage of breakages) breakFile(sources, breakage);
  const configuration = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { noEmit: false, noCheck: true, rootDir: '.', outDir: '../built', typeRoots: [] },
    include: PARTS,
  };
  writeFileSync(join(sources, 'tsconfig.json'), JSON.stringify(configuration));
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', sources], { encoding: 'utf8' });
  const built = join(place, 'built');
  if (!existsSync(join(built, 'src', 'main.js'))) throw new Error(`the build failed: ${stdout}`);
  mkdirSync(built, { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(built, 'package.json'));
  for (const name of ['migrations', 'proto']) symlinkSync(join(ROOT, name), join(built, name));
  return built;
}

function breakFile(sources: string, { file, from, to }: Breakage): void {
  const path = join(sources, file);
  const text = readFileSync(path, 'utf8');
  const places = text.split(from).length - 1;
  if (places !== 1) {
    const found = places.toString();
    throw new Error(`${file} holds the text that is to be broken ${found} times, not once; find it anew:\n${from}`);
  }
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
}
