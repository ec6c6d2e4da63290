/**
 * What a machine is like for a database: a line for each thing that has stopped one before.
 *
 * Hides where facts come from. Invariants: nothing is kept: the file that is written to try the disk is removed;
 * `fails` means that a server would not start or would lose its promise, `warns` that it would run into a wall later;
 * a fact that this system does not tell is left out.
 */
import { EngineError, toEngineError } from '../base/errors.ts';
import { systemClock } from '../base/clock.ts';
import { formatBytes } from '../base/bytes.ts';
import {
  DOCTOR_DESCRIPTORS_MIN,
  DOCTOR_FREE_BYTES_MIN,
  DOCTOR_MAPS_MIN,
  DOCTOR_SYNC_BYTES,
  DOCTOR_SYNC_MS_MAX,
  DOCTOR_SYNCS,
} from '../base/limits.ts';
import type { Os } from '../os/os.ts';
import { realOs } from '../os/real-os.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly verdict: 'good' | 'warns' | 'fails';
  /** What was found, and what to do about it where it is not good. */
  readonly text: string;
}

type Examine = (os: Os, directory: string) => Promise<Omit<Finding, 'name'> | undefined>;

const EXAMINATIONS: readonly (readonly [string, Examine])[] = [
  ['node', () => Promise.resolve(good(`Node ${process.version} on ${process.platform} ${process.arch}`))],
  ['disk', examineDisk],
  ['maps of files', examineMap],
  ['free space', examineSpace],
  ['descriptors', examineDescriptors],
  ['map count', examineMapCount],
];

/** Looks at the machine for a database in `directory`, which is made when it is missing. */
export async function examine(directory: string): Promise<readonly Finding[]> {
  const os = realOs();
  const findings: Finding[] = [];
  for (const [name, look] of EXAMINATIONS) {
    try {
      const found = await look(os, directory);
      if (found !== undefined) findings.push({ name, ...found });
    } catch (error) {
      findings.push({ name, verdict: 'fails', text: toEngineError(error).message });
    }
  }
  return findings;
}

function good(text: string): Omit<Finding, 'name'> {
  return { verdict: 'good', text };
}

function warns(text: string): Omit<Finding, 'name'> {
  return { verdict: 'warns', text };
}

/** Writes and syncs as a commit does: a disk that answers at once keeps nothing through a power cut. */
async function examineDisk(os: Os, directory: string): Promise<Omit<Finding, 'name'>> {
  await os.makeDirectory(directory);
  const path = `${directory}/doctor.probe`;
  if (await os.exists(path)) await os.unlink(path);
  const file = await os.open(path, 'create');
  const times: number[] = [];
  try {
    for (let i = 0; i < DOCTOR_SYNCS; i++) {
      await file.write([new Uint8Array(DOCTOR_SYNC_BYTES)], i * DOCTOR_SYNC_BYTES);
      const beganMs = systemClock.monotonicMs();
      await file.dataSync();
      times.push(systemClock.monotonicMs() - beganMs);
    }
    await os.syncDirectory(directory);
  } finally {
    await file.close();
    await os.unlink(path);
  }
  times.sort((a, b) => a - b);
  const medianMs = times[Math.floor(times.length / 2)] ?? 0;
  const text = `${directory} can be written; one sync of 64 KiB takes ${medianMs.toFixed(2)} ms`;
  if (medianMs <= DOCTOR_SYNC_MS_MAX) return good(text);
  return warns(`${text}: each commit waits for two of them; a faster disk, or several writers, would help`);
}

async function examineMap(os: Os, directory: string): Promise<Omit<Finding, 'name'>> {
  const path = `${directory}/doctor.probe`;
  await os.writeFile(path, Buffer.from('sheaf'));
  try {
    if (Buffer.from(os.map(path, 5)).toString() !== 'sheaf') {
      throw new EngineError('io_error', `a map of ${path} shows other bytes than were written`);
    }
    return good('files can be mapped');
  } finally {
    await os.unlink(path);
  }
}

async function examineSpace(os: Os, directory: string): Promise<Omit<Finding, 'name'>> {
  const free = await os.freeBytes(directory);
  const text = `${formatBytes(free)} are free`;
  return free >= DOCTOR_FREE_BYTES_MIN ? good(text) : warns(`${text}; compaction needs room for what it merges`);
}

async function examineDescriptors(os: Os): Promise<Omit<Finding, 'name'> | undefined> {
  const limits = await readText(os, '/proc/self/limits');
  const most = /^Max open files\s+(\d+|unlimited)/mu.exec(limits ?? '')?.[1];
  if (most === undefined) return undefined;
  const text = `a process may have ${most} descriptors`;
  if (most === 'unlimited' || Number(most) >= DOCTOR_DESCRIPTORS_MIN) return good(text);
  return warns(`${text}; raise it to ${DOCTOR_DESCRIPTORS_MIN.toString()} (ulimit -n, LimitNOFILE=)`);
}

async function examineMapCount(os: Os): Promise<Omit<Finding, 'name'> | undefined> {
  const count = await readText(os, '/proc/sys/vm/max_map_count');
  if (count === undefined) return undefined;
  const most = Number(count);
  const text = `a process may have ${most.toString()} maps, one for each segment that is read`;
  if (most >= DOCTOR_MAPS_MIN) return good(text);
  return warns(`${text}; raise vm.max_map_count to ${DOCTOR_MAPS_MIN.toString()} by sysctl`);
}

async function readText(os: Os, path: string): Promise<string | undefined> {
  if (!(await os.exists(path))) return undefined;
  return Buffer.from(await os.readFile(path)).toString('latin1');
}
