/**
 * Errors of the operating system, as EngineErrors that name the operation, the path, the errno and the remedy.
 *
 * Hides Node's system errors. Invariant: one table decides the code and the remedy; what is not in it is `io_error`,
 * never dropped. Source: errno(3).
 */
import { EngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  /** What happened, in words. */
  readonly text: string;
  readonly remedy: string;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOSPC: { code: 'storage_full', text: 'the disk is full', remedy: 'free space on the disk that holds it' },
  EDQUOT: { code: 'storage_full', text: 'the disk quota is used up', remedy: 'free space or raise the quota' },
  EFBIG: {
    code: 'storage_full',
    text: 'the file would become too large',
    remedy: "raise the limit of the file's size (ulimit -f) or use another file system",
  },
  ENOENT: { code: 'not_found', text: 'it does not exist', remedy: 'check the path' },
  EEXIST: { code: 'already_exists', text: 'it exists already', remedy: 'remove it or choose another name' },
  EACCES: {
    code: 'forbidden',
    text: 'permission denied',
    remedy: 'let the user that runs this program read and write it',
  },
  EPERM: {
    code: 'forbidden',
    text: 'operation not permitted',
    remedy: 'let the user that runs this program read and write it',
  },
  EROFS: {
    code: 'forbidden',
    text: 'the file system is mounted read-only',
    remedy: 'mount it for writing or choose another directory',
  },
  EMFILE: {
    code: 'io_error',
    text: 'the process has too many open files',
    remedy: 'raise the limit of open files (ulimit -n)',
  },
  ENFILE: { code: 'io_error', text: 'the machine has too many open files', remedy: 'raise fs.file-max' },
  ENOMEM: {
    code: 'io_error',
    text: 'the kernel refused the memory',
    remedy: 'free memory, or raise the limit of memory maps (vm.max_map_count)',
  },
  EIO: {
    code: 'io_error',
    text: 'the disk reported an error',
    remedy: "check the disk and the kernel's log before writing to it again",
  },
  ENOTDIR: { code: 'io_error', text: 'a file stands where a directory is needed', remedy: 'check the path' },
  EISDIR: { code: 'io_error', text: 'a directory stands where a file is needed', remedy: 'check the path' },
  ENOTEMPTY: { code: 'io_error', text: 'the directory is not empty', remedy: 'see what it holds' },
};

/** The errno name of a Node system error ("ENOSPC"); undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Builds the error of `operation` ("write to", "open") on `path` that failed with `errno`. */
export function errnoError(operation: string, path: string, errno: string, cause?: unknown): EngineError {
  const meaning = MEANINGS[errno] ?? {
    code: 'io_error',
    text: 'the operating system refused it',
    remedy: 'see errno(3) for what the name means',
  };
  const message = `cannot ${operation} ${path}: ${meaning.text} (${errno}); ${meaning.remedy}`;
  return new EngineError(meaning.code, message, { cause });
}

/** Translates what a call of node:fs threw; EngineErrors and our own bugs pass unchanged. */
export function osError(operation: string, path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof EngineError) return error;
  return errnoError(operation, path, errno, error);
}
