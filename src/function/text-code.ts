/**
 * Texts as numbers and codes, and back: code points, bases, hexadecimal, base64, URLs, UTF-8, accents, digests.
 *
 * Hides the tables. Invariants: texts that are made are valid UTF-8; bytes that would not be are `value_error`;
 * digests are lower-case hexadecimal.
 */
import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowBytes } from './byte-rows.ts';
import { formOf, vectorOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { decimalValues } from './decimal.ts';
import type { FunctionEntry } from './entry.ts';
import {
  checkTextBytes,
  eachRow,
  fitKinds,
  integersOf,
  numberRows,
  onceForEachValue,
  rowError,
  strictEntry,
  textRows,
  textsOf,
} from './scalar-frame.ts';
import type { Kind } from './scalar-frame.ts';
import { flatType, HUGE, INT32, strictCall, UINT64, UTF8 } from './signature.ts';
import { sameType } from '../arrow/type.ts';

const BINARY: DataType = { id: 'binary' };

/** The first code point, or `empty`. */
function codeKernel(empty: number): Kernel {
  return (args, rowCount, type) => {
    const texts = textsOf(args[0] as Vector);
    return numberRows(args, rowCount, type, (i) => texts(i).codePointAt(0) ?? empty);
  };
}

const chrKernel: Kernel = (args, rowCount, type) => {
  const codes = integersOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const code = codes[i] as number;
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      throw rowError(`chr(${code.toString()}): there is no such character`);
    }
    out.appendText(String.fromCodePoint(code));
  });
};

const toBaseKernel: Kernel = (args, rowCount, type) => {
  const values = decimalValues(args[0] as Vector);
  const radixes = integersOf(args[1] as Vector);
  const lengths = args.length > 2 ? integersOf(args[2] as Vector) : undefined;
  return textRows(args, rowCount, type, (i, out) => {
    const value = values(i);
    const radix = radixes[i] as number;
    const length = lengths === undefined ? 0 : (lengths[i] as number);
    if (value < 0n) throw rowError(`to_base(${value.toString()}, …): the number cannot be negative`);
    if (radix < 2 || radix > 36) throw rowError(`to_base: the base ${radix.toString()} is not between 2 and 36`);
    if (length < 0 || length > 64) throw rowError(`to_base: the length ${length.toString()} is not between 0 and 64`);
    out.appendText(value.toString(radix).toUpperCase().padStart(length, '0'));
  });
};

/** hex and bin: of the bytes of text and binary, and of integers in two's complement. */
function digitsKernel(radix: 2 | 16): Kernel {
  const width = radix === 2 ? 8 : 2;
  const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(radix).toUpperCase().padStart(width, '0'));
  return (args, rowCount, type) => {
    const vector = args[0] as Vector;
    if (formOf(vector.type).kind !== 'bytes') {
      const values = decimalValues(vector);
      const bits = vector.type.id === 'decimal' ? 128 : 64;
      return textRows(args, rowCount, type, (i, out) => {
        out.appendText(BigInt.asUintN(bits, values(i)).toString(radix).toUpperCase());
      });
    }
    const rows = byteRowsOf(vector);
    return textRows(args, rowCount, type, (i, out) => {
      const bytes = rowBytes(rows, i);
      checkTextBytes('hex', bytes.length * width);
      for (const byte of bytes) out.appendText(pairs[byte] as string);
    });
  };
}

/** unhex and unbin: a text that does not fill its first byte stands as if zeros were before it. */
function fromDigitsKernel(name: string, width: 2 | 8): Kernel {
  const bitsEach = 8 / width;
  const what = width === 2 ? 'hexadecimal' : 'binary';
  return (args, rowCount, type) => {
    const texts = textsOf(args[0] as Vector);
    return textRows(args, rowCount, type, (i, out) => {
      const text = texts(i);
      const made = new Uint8Array(Math.ceil(text.length / width));
      const missing = made.length * width - text.length;
      for (let k = 0; k < text.length; k++) {
        const digit = Number.parseInt(text.charAt(k), 1 << bitsEach);
        if (digit !== digit) throw rowError(`${name}: '${text.charAt(k)}' is not a ${what} digit`);
        const at = Math.floor((k + missing) / width);
        made[at] = ((made[at] as number) << bitsEach) | digit;
      }
      out.append(made, 0, made.length);
    });
  };
}

const toBase64Kernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    checkTextBytes('to_base64', Math.ceil(bytes.length / 3) * 4);
    out.appendText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'));
  });
};

const fromBase64Kernel: Kernel = (args, rowCount, type) => {
  const texts = textsOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const text = texts(i);
    if (text.length % 4 !== 0) throw rowError('from_base64: the length of base64 is a multiple of 4');
    const wrong = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ''));
    if (wrong !== null) throw rowError(`from_base64: '${wrong[0]}' is not a character of base64`);
    const bytes = Buffer.from(text, 'base64');
    out.append(bytes, 0, bytes.length);
  });
};

const encodeKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    out.append(bytes, 0, bytes.length);
  });
};

const decodeKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  const behaviours = args.length > 1 ? textsOf(args[1] as Vector) : undefined;
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    if (isUtf8(bytes)) {
      out.append(bytes, 0, bytes.length);
      return;
    }
    const behaviour = behaviours?.(i) ?? 'strict';
    if (behaviour !== 'strict' && behaviour !== 'replace' && behaviour !== 'ignore') {
      throw rowError(`decode: '${behaviour}' is neither strict, replace nor ignore`);
    }
    if (behaviour === 'strict') {
      throw rowError(
        "decode: the bytes are not valid UTF-8; 'replace' or 'ignore' as second argument passes over that",
      );
    }
    out.appendText(new TextDecoder().decode(bytes).replaceAll('\ufffd', behaviour === 'replace' ? '?' : ''));
  });
};

/** Bytes that stand for themselves in a URL. */
const PLAIN = new Uint8Array(128).map((_, code) => (/[A-Za-z0-9~._-]/.test(String.fromCharCode(code)) ? 1 : 0));

const urlEncodeKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    checkTextBytes('url_encode', bytes.length * 3);
    for (let k = 0; k < bytes.length; k++) {
      const byte = bytes[k] as number;
      if (byte < 128 && PLAIN[byte] === 1) out.append(bytes, k, k + 1);
      else out.appendText(`%${byte.toString(16).toUpperCase().padStart(2, '0')}`);
    }
  });
};

/** The value of a hexadecimal digit, or NaN. */
function hexDigit(byte: number | undefined): number {
  return byte === undefined ? NaN : Number.parseInt(String.fromCharCode(byte), 16);
}

const urlDecodeKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    const made = new Uint8Array(bytes.length);
    let at = 0;
    for (let k = 0; k < bytes.length; k++) {
      const value = bytes[k] === 37 ? hexDigit(bytes[k + 1]) * 16 + hexDigit(bytes[k + 2]) : NaN;
      made[at++] = value === value ? value : (bytes[k] as number);
      if (value === value) k += 2;
    }
    const decoded = made.subarray(0, at);
    if (!isUtf8(decoded)) throw rowError('url_decode: the decoded bytes are not valid UTF-8');
    out.append(decoded, 0, at);
  });
};

function mapKernel(name: string, map: (text: string) => string): Kernel {
  return (args, rowCount, type) => {
    const texts = textsOf(args[0] as Vector);
    return textRows(args, rowCount, type, (i, out) => {
      const text = map(texts(i));
      checkTextBytes(name, text.length);
      out.appendText(text);
    });
  };
}

function stripAccents(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC');
}

function digestKernel(algorithm: 'md5' | 'sha1' | 'sha256'): Kernel {
  return (args, rowCount, type) => {
    const rows = byteRowsOf(args[0] as Vector);
    return textRows(args, rowCount, type, (i, out) => {
      out.appendText(createHash(algorithm).update(rowBytes(rows, i)).digest('hex'));
    });
  };
}

function digest(name: 'md5' | 'sha1' | 'sha256', doc: string, example: string): FunctionEntry {
  const overloads = [['text'], ['binary']] as const;
  return strictEntry({ name, overloads, type: UTF8, doc, example, kernel: digestKernel(name) });
}

/** Half of the MD5 digest as a number, its first byte the lowest. */
function digestNumber(name: string, start: 0 | 8, half: string, example: string): FunctionEntry {
  return strictEntry({
    name,
    overloads: [['text'], ['binary']] as const,
    type: UINT64,
    doc: `The ${half} eight bytes of the MD5 digest as a number, the first of them the lowest.`,
    example,
    kernel: (args, rowCount, type) => {
      const rows = byteRowsOf(args[0] as Vector);
      const out = new Uint8Array(rowCount * 8);
      const validity = eachRow(args, rowCount, (i) => {
        const made = createHash('md5').update(rowBytes(rows, i)).digest();
        out.set(made.subarray(start, start + 8), i * 8);
      });
      return vectorOf(type, rowCount, validity, out);
    },
  });
}

/** hex and bin of text, binary (hex only), integers up to 64 bits and HUGEINT. */
function digitsEntry(name: string, alias: string, radix: 2 | 16, doc: string, example: string): FunctionEntry {
  const kinds: readonly Kind[] = radix === 16 ? ['text', 'binary'] : ['text'];
  return {
    name,
    aliases: [alias],
    expects: radix === 16 ? '(text), (binary) or (integer)' : '(text) or (integer)',
    doc,
    example,
    resolve: (args): ResolvedCall | undefined => {
      for (const kind of kinds) {
        const parameters = fitKinds(args, [kind]);
        if (parameters !== undefined) return strictCall(name, parameters, UTF8);
      }
      const type = args.length === 1 ? flatType(args[0] as DataType) : undefined;
      if (type === undefined || (type.id !== 'int' && !sameType(type, HUGE))) return undefined;
      return strictCall(name, [type], UTF8);
    },
    kernel: () => onceForEachValue(digitsKernel(radix)),
  };
}

function text(
  name: string,
  aliases: readonly string[],
  overload: readonly Kind[],
  type: DataType,
  kernel: Kernel,
  doc: string,
  example: string,
): FunctionEntry {
  return strictEntry({ name, aliases, overloads: [overload], type, doc, example, fails: true, kernel });
}

/** The entries of this family. */
export const TEXT_CODE: readonly FunctionEntry[] = [
  text('ascii', [], ['text'], INT32, codeKernel(0), 'The first code point, 0 of an empty text.', "ascii('ä') → 228"),
  text(
    'unicode',
    ['ord'],
    ['text'],
    INT32,
    codeKernel(-1),
    'The first code point, -1 of an empty text.',
    "unicode('🙂') → 128578",
  ),
  text('chr', [], ['int32'], UTF8, chrKernel, 'The character of a code point.', "chr(228) → 'ä'"),
  strictEntry({
    name: 'to_base',
    overloads: [
      ['int64', 'int32'],
      ['int64', 'int32', 'int32'],
    ],
    type: UTF8,
    doc: 'A number in a base of 2 to 36, with zeros before it up to a length.',
    example: "to_base(42, 16) → '2A'",
    fails: true,
    kernel: toBaseKernel,
  }),
  digitsEntry('hex', 'to_hex', 16, 'The bytes of a text, or an integer, in hexadecimal.', "hex(255) → 'FF'"),
  digitsEntry('bin', 'to_binary', 2, 'The bytes of a text, or an integer, in binary.', "bin(5) → '101'"),
  text(
    'unhex',
    ['from_hex'],
    ['text'],
    BINARY,
    fromDigitsKernel('unhex', 2),
    'The bytes that hexadecimal digits stand for.',
    "unhex('6162') → 'ab'",
  ),
  text(
    'unbin',
    ['from_binary'],
    ['text'],
    BINARY,
    fromDigitsKernel('unbin', 8),
    'The bytes that binary digits stand for.',
    "unbin('01100001') → 'a'",
  ),
  text(
    'to_base64',
    ['base64'],
    ['binary'],
    UTF8,
    toBase64Kernel,
    'The bytes in base64; those of a text are encode(text).',
    "to_base64(encode('ab')) → 'YWI='",
  ),
  text(
    'from_base64',
    [],
    ['text'],
    BINARY,
    fromBase64Kernel,
    'The bytes that base64 stands for.',
    "from_base64('YWI=') → 'ab'",
  ),
  text('encode', [], ['text'], BINARY, encodeKernel, 'The text as the bytes of its UTF-8.', "encode('ab') → 'ab'"),
  strictEntry({
    name: 'decode',
    overloads: [['binary'], ['binary', 'text']],
    type: UTF8,
    doc: "Bytes of UTF-8 as text; wrong bytes are an error, or by a second argument 'replace' or 'ignore'.",
    example: "decode(encode('ä')) → 'ä'",
    fails: true,
    kernel: decodeKernel,
  }),
  text(
    'url_encode',
    [],
    ['text'],
    UTF8,
    urlEncodeKernel,
    'The text with all but letters, digits and ~._- as %XX.',
    "url_encode('a b/ä') → 'a%20b%2F%C3%A4'",
  ),
  text(
    'url_decode',
    [],
    ['text'],
    UTF8,
    urlDecodeKernel,
    'The text with each %XX as the byte that it stands for.',
    "url_decode('a%20b') → 'a b'",
  ),
  text(
    'strip_accents',
    [],
    ['text'],
    UTF8,
    mapKernel('strip_accents', stripAccents),
    'The text without accents.',
    "strip_accents('éàü') → 'eau'",
  ),
  text(
    'nfc_normalize',
    [],
    ['text'],
    UTF8,
    mapKernel('nfc_normalize', (value) => value.normalize('NFC')),
    'The text in the Unicode normal form NFC.',
    "length(nfc_normalize('e' || chr(769))) → 1",
  ),
  digest('md5', 'The MD5 digest.', "md5('a') → '0cc175b9c0f1b6a831c399e269772661'"),
  digestNumber('md5_number_upper', 0, 'first', "md5_number_upper('a') → 12157170054180749580"),
  digestNumber('md5_number_lower', 8, 'last', "md5_number_lower('a') → 7000413967451013937"),
  digest('sha1', 'The SHA-1 digest.', "sha1('a') → '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8'"),
  digest(
    'sha256',
    'The SHA-256 digest.',
    "sha256('a') → 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'",
  ),
];
