/** STUB: H-catalog writes this. */
/** Holds DIR/LOCK.db until `release` or the process's death. */
export interface DirectoryLock {
  release(): void;
}
/** Takes the lock without waiting. @throws `locked`, naming the directory and, from server.json, the holder's pid and addresses */
export function acquireLock(_path: string): DirectoryLock {
  throw new Error('not written');
}
