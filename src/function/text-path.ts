/**
 * Parts of paths: parse_filename, parse_dirname, parse_dirpath.
 *
 * Hides separators. Invariants: nothing is asked of a file system; both slashes separate, unless an option says
 * 'backslash', 'forward_slash' or 'system', which is the latter; an option that is null is as if left out.
 */
import type { DataType } from '../arrow/type.ts';
import { isPresent } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { bitsOf } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { PATH_JOIN } from './path-join.ts';
import { expectsText, onceForEachValue, strictEntry, strictKinds, textRows, textsOf } from './scalar-frame.ts';
import type { Kind } from './scalar-frame.ts';
import { UTF8 } from './signature.ts';
import { bitAt } from './validity.ts';

function isSeparator(char: string, option: string): boolean {
  if (option === 'backslash') return char === '\\';
  return char === '/' || (char === '\\' && option !== 'forward_slash' && option !== 'system');
}

/** The last separator, or -1. */
function lastSeparator(path: string, option: string): number {
  for (let at = path.length - 1; at >= 0; at--) if (isSeparator(path.charAt(at), option)) return at;
  return -1;
}

function filename(path: string, trims: boolean, option: string): string {
  const name = path.slice(lastSeparator(path, option) + 1);
  const dot = trims ? name.lastIndexOf('.') : -1;
  return dot < 0 ? name : name.slice(0, dot);
}

/** The first folder; the root, where the path begins with it. */
function dirname(path: string, option: string): string {
  for (let at = 0; at < path.length; at++) {
    if (isSeparator(path.charAt(at), option)) return at === 0 ? path.charAt(0) : path.slice(0, at);
  }
  return '';
}

function dirpath(path: string, option: string): string {
  const at = lastSeparator(path, option);
  return at < 0 ? '' : path === path.charAt(at) ? path : path.slice(0, at);
}

const filenameKernel: Kernel = (args, rowCount, type) => {
  const paths = textsOf(args[0] as Vector);
  const flags = args.find((arg) => arg.type.id === 'bool');
  const trims = flags === undefined ? undefined : bitsOf(flags);
  const option = args.slice(1).find((arg) => arg.type.id !== 'bool');
  const options = option === undefined ? undefined : textsOf(option);
  const isGiven = (arg: Vector | undefined, i: number): boolean => arg !== undefined && isPresent(arg, i);
  return textRows(args.slice(0, 1), rowCount, type, (i, out) => {
    const trimmed = trims !== undefined && isGiven(flags, i) && bitAt(trims, i);
    out.appendText(filename(paths(i), trimmed, isGiven(option, i) ? (options?.(i) ?? '') : ''));
  });
};

const FILENAME: readonly (readonly Kind[])[] = [
  ['text'],
  ['text', 'text'],
  ['text', 'bool'],
  ['text', 'bool', 'text'],
];

function directory(
  name: string,
  part: (path: string, option: string) => string,
  doc: string,
  example: string,
): FunctionEntry {
  const kernel: Kernel = (args, rowCount, type) => {
    const paths = textsOf(args[0] as Vector);
    const options = args.length > 1 ? textsOf(args[1] as Vector) : undefined;
    return textRows(args.slice(0, 1), rowCount, type, (i, out) => {
      const option = args[1] !== undefined && isPresent(args[1], i) ? options?.(i) : undefined;
      out.appendText(part(paths(i), option ?? ''));
    });
  };
  return strictEntry({ name, overloads: [['text'], ['text', 'text']], type: UTF8, doc, example, kernel });
}

/** The entries of this family. */
export const TEXT_PATH: readonly FunctionEntry[] = [
  {
    name: 'parse_filename',
    expects: expectsText(FILENAME),
    doc: 'The last part of a path; TRUE as second argument leaves the extension out.',
    example: "parse_filename('/data/ticks.csv', true) → 'ticks'",
    resolve: (args: readonly DataType[]) => strictKinds('parse_filename', FILENAME, UTF8)(args),
    kernel: () => onceForEachValue(filenameKernel),
  },
  directory('parse_dirname', dirname, 'The first folder of a path.', "parse_dirname('data/2024/ticks.csv') → 'data'"),
  directory(
    'parse_dirpath',
    dirpath,
    'The path without its last part.',
    "parse_dirpath('data/2024/ticks.csv') → 'data/2024'",
  ),
  PATH_JOIN,
];
