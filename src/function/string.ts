/**
 * Text functions: lower, upper, length, concat, ||, LIKE and ILIKE.
 *
 * Hides the loops (string-kernel). Invariants: lengths count code points; results are utf8; text is UTF-8 and stays
 * so.
 */
import type { DataType } from '../arrow/type.ts';
import type { ResolvedCall } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { BOOL, familyOf, flatType, INT64, strictCall, UTF8 } from './signature.ts';
import { byteLengthKernel, caseMapKernel, concatKernel, lengthKernel, likeKernel } from './string-kernel.ts';

/** Parameters of a call on text: text as it stands, null as text; undefined when an argument is not text. */
function textParameters(args: readonly DataType[], count: number): readonly DataType[] | undefined {
  if (args.length !== count) return undefined;
  if (!args.every((type) => type.id === 'null' || familyOf(type) === 'text')) return undefined;
  return args.map((type) => (type.id === 'null' ? UTF8 : flatType(type)));
}

function textCall(
  name: string,
  count: number,
  type: DataType,
): (args: readonly DataType[]) => ResolvedCall | undefined {
  return (args) => {
    const parameters = textParameters(args, count);
    return parameters === undefined ? undefined : strictCall(name, parameters, type);
  };
}

function like(name: string, ignoreCase: boolean, example: string): FunctionEntry {
  return {
    name,
    expects: '(text, text)',
    doc: `Matches a whole text with a pattern: % is any text, _ one character${ignoreCase ? '; ignores case' : ''}.`,
    example,
    resolve: textCall(name, 2, BOOL),
    kernel: () => likeKernel(ignoreCase),
  };
}

/** The entries of this family. */
export const STRING: readonly FunctionEntry[] = [
  {
    name: 'lower',
    aliases: ['lcase'],
    expects: '(text)',
    doc: 'The text in lower case.',
    example: "lower('ÄB') → 'äb'",
    resolve: textCall('lower', 1, UTF8),
    kernel: () => caseMapKernel('lower'),
  },
  {
    name: 'upper',
    aliases: ['ucase'],
    expects: '(text)',
    doc: 'The text in upper case.',
    example: "upper('äb') → 'ÄB'",
    resolve: textCall('upper', 1, UTF8),
    kernel: () => caseMapKernel('upper'),
  },
  {
    name: 'length',
    aliases: ['len', 'char_length', 'character_length'],
    expects: '(text)',
    doc: 'The number of code points.',
    example: "length('äb') → 2",
    resolve: textCall('length', 1, INT64),
    kernel: () => lengthKernel,
  },
  {
    name: 'octet_length',
    aliases: ['strlen'],
    expects: '(text) or (binary)',
    doc: 'The number of bytes.',
    example: "octet_length('ä') → 2",
    resolve: (args) => {
      const [type] = args;
      if (type === undefined || args.length !== 1) return undefined;
      if (familyOf(type) === 'binary') return strictCall('octet_length', [flatType(type)], INT64);
      return textCall('octet_length', 1, INT64)(args);
    },
    kernel: () => byteLengthKernel,
  },
  {
    name: '||',
    expects: '(text, text)',
    doc: 'Both texts joined; null if either is.',
    example: "'a' || 'b' → 'ab'",
    resolve: textCall('||', 2, UTF8),
    kernel: () => concatKernel(true),
  },
  {
    name: 'concat',
    expects: 'one or more texts',
    doc: 'All texts joined, nulls left out.',
    example: "concat('a', NULL, 'b') → 'ab'",
    resolve: (args) => {
      const parameters = args.length === 0 ? undefined : textParameters(args, args.length);
      if (parameters === undefined) return undefined;
      return { name: 'concat', parameters, type: UTF8, canMakeNull: false, nulls: 'never' };
    },
    kernel: () => concatKernel(false),
  },
  like('like', false, "'abc' LIKE 'a%' → true"),
  like('ilike', true, "'ABC' ILIKE 'a%' → true"),
];
