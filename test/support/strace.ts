/** Faults of real system calls: strace attaches to a process and answers its calls with errors. */
import { spawn, spawnSync } from 'node:child_process';

/** Why there are no such faults here; undefined when there are. */
export const STRACE_MISSING = spawnSync('strace', ['-V']).status === 0 ? undefined : 'strace is not installed';

/**
 * Lets strace attach to a process and all of its threads; it goes away with the process. `words` are those of its
 * `-e inject=`; what it saw goes into the file `log`. @throws when it cannot
 */
export async function attachStrace(pid: number, words: readonly string[], log: string): Promise<void> {
  const calls = words.map((word) => word.split(':')[0]).join(',');
  const injected = words.flatMap((word) => ['-e', `inject=${word}`]);
  const all = ['-f', '-p', pid.toString(), '-o', log, '-e', `trace=${calls}`, ...injected];
  const strace = spawn('strace', all, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    strace.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('attached')) resolve();
    });
    strace.on('error', reject);
    strace.on('close', () => reject(new Error(`strace cannot attach: ${said}`)));
  });
}
