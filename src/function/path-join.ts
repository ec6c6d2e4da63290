/**
 * path_join: paths put one behind the other, `.` and `..` within them resolved.
 *
 * Hides where a path begins: at a scheme with its host (`s3://bucket`), at `file:` with a root, at a root, or nowhere.
 * Invariants: nothing is asked of a file system; both slashes separate, and `/` is written; only a path that begins
 * nowhere may stand behind another; `..` does not lead out of a root, and is kept where there is none.
 */
import type { Vector } from '../arrow/vector.ts';
import type { FunctionEntry } from './entry.ts';
import { checkTextBytes, rowError, textRows, textsOf } from './scalar-frame.ts';
import { familyOf, flatType, strictCall, UTF8 } from './signature.ts';

/** A path in parts: what it begins with, and its names. */
interface Path {
  readonly start: string;
  readonly names: readonly string[];
  readonly endsOpen: boolean;
}

const SCHEME = /^([A-Za-z][\w+.-]+):\/\/([^/\\]*)/u;
const FILE = /^(file:(?:\/\/)?)(?=[/\\])/iu;

function readPath(text: string): Path {
  const file = FILE.exec(text);
  const scheme = file === null ? SCHEME.exec(text) : null;
  const taken = file?.[0] ?? scheme?.[0] ?? '';
  const rest = text.slice(taken.length);
  const isRooted = /^[/\\]/u.test(rest) || scheme !== null;
  const names = rest.split(/[/\\]+/u).filter((name) => name !== '');
  return { start: taken + (isRooted ? '/' : ''), names, endsOpen: /[/\\]$/u.test(text) };
}

function joined(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  const base = readPath(first);
  const names: string[] = [];
  let { endsOpen } = base;
  const take = (more: readonly string[]): void => {
    for (const name of more) {
      if (name === '.') continue;
      const last = names.at(-1);
      if (name !== '..') names.push(name);
      else if (last !== undefined && last !== '..') names.pop();
      else if (base.start === '') names.push(name);
    }
  };
  take(base.names);
  for (const text of others) {
    const path = readPath(text);
    if (path.start !== '') throw rowError(`path_join cannot put '${text}' behind '${first}': it has a beginning`);
    take(path.names);
    ({ endsOpen } = path);
  }
  const body = names.join('/');
  if (base.start === '' && body === '') return '.';
  return base.start + body + (endsOpen && body !== '' ? '/' : '');
}

/** The entry of path_join. */
export const PATH_JOIN: FunctionEntry = {
  name: 'path_join',
  expects: '(text, …)',
  doc: 'The paths one behind the other, with `.` and `..` resolved; only the first may begin at a root or a scheme.',
  example: "path_join('data/raw', '../2024', 'ticks.csv') → 'data/2024/ticks.csv'",
  fails: true,
  resolve: (args) => {
    const fits = args.length > 0 && args.every((arg) => arg.id === 'null' || familyOf(arg) === 'text');
    if (!fits) return undefined;
    return strictCall(
      'path_join',
      args.map((arg) => (arg.id === 'null' ? UTF8 : flatType(arg))),
      UTF8,
    );
  },
  kernel: () => (args: readonly Vector[], rowCount, type) => {
    const columns = args.map(textsOf);
    return textRows(args, rowCount, type, (row, out) => {
      const text = joined(columns.map((textAt) => textAt(row)));
      checkTextBytes('path_join', text.length);
      out.appendText(text);
    });
  },
};
