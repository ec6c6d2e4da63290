/**
 * Text functions: lower, upper, lengths, concat, concat_ws and ||.
 *
 * Hides the loops (string-kernel). Invariants: lengths count code points, graphemes or bytes, as their names say;
 * results are utf8, and text stays valid; concatenation takes values of every flat type, as text.
 */
import type { DataType } from '../arrow/type.ts';
import type { ResolvedCall } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { LIST_LENGTH } from './list-access.ts';
import { overloaded } from './list-frame.ts';
import { LIST_CONCAT, LIST_JOIN } from './list-make.ts';
import { expectsText, fitKinds, strictEntry, strictKinds } from './scalar-frame.ts';
import type { Kind } from './scalar-frame.ts';
import { familyOf, INT64, strictCall, UTF8 } from './signature.ts';
import {
  bitLengthKernel,
  byteLengthKernel,
  caseMapKernel,
  concatKernel,
  graphemeLengthKernel,
  joinKernel,
  lengthKernel,
} from './string-kernel.ts';

/** Any number of values that print. */
function printable(args: readonly DataType[]): readonly DataType[] | undefined {
  return fitKinds(
    args,
    args.map(() => 'any'),
  );
}

/** `||`: two binaries make binary, and all else makes text. */
function resolveJoin(args: readonly DataType[]): ResolvedCall | undefined {
  const isBinary = (type: DataType): boolean => familyOf(type) === 'binary';
  const binary = args.some(isBinary) ? fitKinds(args, ['binary', 'binary']) : undefined;
  if (binary !== undefined) return strictCall('||', binary, { id: 'binary' });
  const parameters = args.length === 2 ? printable(args) : undefined;
  return parameters === undefined ? undefined : strictCall('||', parameters, UTF8);
}

const OCTETS: readonly (readonly Kind[])[] = [['binary'], ['text']];

/** The entries of this family. */
export const STRING: readonly FunctionEntry[] = [
  strictEntry({
    name: 'lower',
    aliases: ['lcase'],
    overloads: [['text']],
    type: UTF8,
    doc: 'The text in lower case.',
    example: "lower('ÄB') → 'äb'",
    kernel: caseMapKernel('lower'),
  }),
  strictEntry({
    name: 'upper',
    aliases: ['ucase'],
    overloads: [['text']],
    type: UTF8,
    doc: 'The text in upper case.',
    example: "upper('äb') → 'ÄB'",
    kernel: caseMapKernel('upper'),
  }),
  overloaded(
    strictEntry({
      name: 'length',
      aliases: ['len', 'char_length', 'character_length'],
      overloads: [['text']],
      type: INT64,
      doc: 'The number of code points, or of values of a list.',
      example: "length('äb') → 2",
      kernel: lengthKernel,
    }),
    LIST_LENGTH,
  ),
  strictEntry({
    name: 'length_grapheme',
    overloads: [['text']],
    type: INT64,
    doc: 'The number of grapheme clusters.',
    example: "length_grapheme('🤦🏼‍♂️') → 1",
    kernel: graphemeLengthKernel,
  }),
  strictEntry({
    name: 'strlen',
    overloads: [['text']],
    type: INT64,
    doc: 'The number of bytes.',
    example: "strlen('ä') → 2",
    kernel: byteLengthKernel,
  }),
  {
    name: 'octet_length',
    expects: expectsText(OCTETS),
    doc: 'The number of bytes.',
    example: "octet_length('ä') → 2",
    resolve: strictKinds('octet_length', OCTETS, INT64),
    kernel: () => byteLengthKernel,
  },
  strictEntry({
    name: 'bit_length',
    overloads: [['text']],
    type: INT64,
    doc: 'The number of bits: eight for each byte.',
    example: "bit_length('ä') → 16",
    kernel: bitLengthKernel,
  }),
  overloaded(
    {
      name: '||',
      expects: '(any, any), one of them text, or (binary, binary)',
      doc: 'Both values joined as text, two binaries, or two lists; null if either is.',
      example: "'a' || 1 → 'a1'",
      fails: true,
      resolve: resolveJoin,
      kernel: () => concatKernel(true),
    },
    LIST_JOIN,
  ),
  overloaded(
    {
      name: 'concat',
      expects: 'one or more values',
      doc: 'All values joined as text, or all lists, nulls left out.',
      example: "concat('a', NULL, 1) → 'a1'",
      fails: true,
      resolve: (args) => {
        const parameters = args.length === 0 ? undefined : printable(args);
        if (parameters === undefined) return undefined;
        return { name: 'concat', parameters, type: UTF8, canMakeNull: false, nulls: 'never' };
      },
      kernel: () => concatKernel(false),
    },
    LIST_CONCAT,
  ),
  {
    name: 'concat_ws',
    expects: 'a separator and one or more values',
    doc: 'All values joined as text with the separator between them, nulls left out; null if the separator is.',
    example: "concat_ws(', ', 'a', NULL, 1) → 'a, 1'",
    fails: true,
    resolve: (args) => {
      const separator = fitKinds(args.slice(0, 1), ['text']);
      const values = args.length < 2 ? undefined : printable(args.slice(1));
      if (separator === undefined || values === undefined) return undefined;
      const parameters = [...separator, ...values];
      return { name: 'concat_ws', parameters, type: UTF8, canMakeNull: args[0]?.id === 'null', nulls: 'custom' };
    },
    kernel: () => joinKernel,
  },
];
