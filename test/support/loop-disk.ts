/**
 * A real ext4 file system on a loop file, whose power can be cut: EXT4_IOC_SHUTDOWN without flushing the journal stops
 * it at once, and what was not on the disk by then is gone.
 *
 * Hides mount, umount, mkfs, and a Python process that makes the system call (Node has none). Needs root and loop
 * devices; `makeLoopDisk` says why it cannot. Invariant: nothing stays mounted after `dispose`.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IMAGE_BYTES = 192 * 1024 * 1024;
/** `_IOR('X', 125, __u32)`; 2 is EXT4_GOING_FLAGS_NOLOGFLUSH. */
const SHUTDOWN = `
import fcntl, os, struct, sys
for line in sys.stdin:
    fd = os.open(line.strip(), os.O_RDONLY)
    fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))
    os.close(fd)
    print('down', flush=True)
`;

export class LoopDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #place: string;
  readonly #image: string;
  readonly #python: ChildProcess;
  readonly #ended: Promise<never>;
  #mounted = false;
  readonly #onExit = (): void => this.#unmountAtExit();

  constructor(place: string) {
    this.#place = place;
    this.#image = join(place, 'image');
    this.path = join(place, 'mounted');
    mkdirSync(this.path);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, IMAGE_BYTES);
    this.#python = spawn('python3', ['-c', SHUTDOWN], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = new Promise((_resolve, reject) => {
      this.#python.once('error', reject);
      this.#python.once('exit', () => reject(new Error('python3 cannot shut the file system down')));
    });
    this.#ended.catch(() => undefined);
    process.on('exit', this.#onExit);
  }

  /** Makes an empty file system in place of what is there. Not while it is mounted. */
  format(): void {
    execFileSync('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=1', this.#image], { stdio: 'pipe' });
  }

  mount(): void {
    execFileSync('mount', ['-t', 'ext4', '-o', 'loop', this.#image, this.path], { stdio: 'pipe' });
    this.#mounted = true;
  }

  /** Nobody may use it any more. */
  unmount(): void {
    execFileSync('umount', [this.path], { stdio: 'pipe' });
    this.#mounted = false;
  }

  /** Cuts the power: resolves when the file system has stopped. */
  async cut(): Promise<void> {
    const { stdin, stdout } = this.#python;
    if (stdin === null || stdout === null) throw new Error('python3 has no pipes');
    stdin.write(`${this.path}\n`);
    await Promise.race([once(stdout, 'data'), this.#ended]);
  }

  dispose(): void {
    process.off('exit', this.#onExit);
    this.#unmountAtExit();
  }

  #unmountAtExit(): void {
    this.#python.stdin?.end();
    try {
      if (this.#mounted) execFileSync('umount', ['-l', this.path], { stdio: 'pipe' });
    } finally {
      this.#mounted = false;
      rmSync(this.#place, { recursive: true, force: true });
    }
  }
}

/** A formatted disk, tried out; or the reason why there is none. */
export async function makeLoopDisk(): Promise<LoopDisk | string> {
  if (process.getuid?.() !== 0) return 'only root can mount a file system on a loop file';
  let place: string;
  try {
    place = mkdtempSync('/dev/shm/sheaf-loop-');
  } catch {
    place = mkdtempSync(join(tmpdir(), 'sheaf-loop-'));
  }
  const disk = new LoopDisk(place);
  try {
    disk.format();
    disk.mount();
    await disk.cut();
    disk.unmount();
    return disk;
  } catch (error) {
    disk.dispose();
    return `a loop file cannot be used here: ${String(error).split('\n')[0] ?? ''}`;
  }
}
