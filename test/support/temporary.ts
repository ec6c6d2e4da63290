/**
 * Temporary directories of tests: made on the machine's own disk, or on a small tmpfs of its own, and removed when the
 * test ends.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A new directory that is removed after `t`. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * A new tmpfs of `size` (mount's form, "1m"), unmounted after `t`; undefined, with a printed reason, when it cannot be
 * mounted.
 */
export function temporaryMount(t: TestContext, size: string): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-mount-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory], { stdio: 'pipe' });
  } catch (error) {
    remove();
    t.skip(`a small tmpfs cannot be mounted here (${String(error).split('\n')[0] ?? ''}): needs root`);
    return undefined;
  }
  t.after(() => {
    execFileSync('umount', ['-l', directory], { stdio: 'pipe' });
    remove();
  });
  return directory;
}

/** Mounts a `temporaryMount` again, for reading only. */
export function makeReadOnly(directory: string): void {
  execFileSync('mount', ['-o', 'remount,ro', directory], { stdio: 'pipe' });
}
