/**
 * `npm run bench -- [name …] [--small] [--record]`: compiles sources and benches to JavaScript, as users run them, and runs the benches by plain Node.
 *
 * From the TypeScript sources the same code is a fifth slower. The compiled files lie in node_modules, where packages are found; all else is linked beside them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const place = join(root, 'node_modules', '.cache', `sheaf-bench-${process.pid}`);
const built = join(place, 'built');
// What lies outside of the repository is found from here, since the compiled benches lie deeper.
const env = {
  ...process.env,
  SHEAF_CORPUS: resolve(root, process.env['SHEAF_CORPUS'] ?? join('..', 'shared', 'corpus')),
};
const node = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root, env }).status ?? 1;

mkdirSync(built, { recursive: true });
try {
  const configuration = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noCheck: true,
      rootDir: root,
      outDir: built,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [join(root, 'src'), join(root, 'bench')],
  };
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(configuration));
  const compiled = node(join(root, 'node_modules/typescript/bin/tsc'), '-p', place);
  if (compiled !== 0) throw new Error('the benches could not be compiled');
  mkdirSync(join(root, 'bench', 'results'), { recursive: true });
  for (const folder of ['.', 'bench']) {
    for (const name of readdirSync(join(root, folder))) {
      const link = join(built, folder, name);
      if (!name.endsWith('.ts') && name !== 'node_modules' && !existsSync(link))
        symlinkSync(join(root, folder, name), link);
    }
  }
  process.exitCode = node('--enable-source-maps', join(built, 'bench', 'run.js'), ...process.argv.slice(2));
} finally {
  rmSync(place, { recursive: true, force: true });
}
