/**
 * CASE and COALESCE when every argument is already there (constants, mostly), and GREATEST and LEAST.
 *
 * Hides the choice: for each row the index of the argument it takes. Invariants: arguments that are taken have the
 * result's flat type; exec does not come here, it evaluates an argument only for the rows that reach it
 * (exec/evaluate-lazy).
 */
import { joinVectors } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { TYPE_TABLE } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder } from './byte-rows.ts';
import { bitsOf, formOf, vectorOf } from './column.ts';
import { compareKernel, trueRows } from './compare-kernel.ts';
import type { Kernel } from './contract.ts';
import { gatherOrNull, NO_ROW } from './gather.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

/** Row i of the result is row i of `args[choice[i]]`, or null for -1. */
function chooseRows(args: readonly Vector[], choice: Int32Array, type: DataType): Vector {
  const rowCount = choice.length;
  const presence = args.map((vector) => validityOf(vector).bits);
  const bits = new Uint8Array((rowCount + 7) >> 3);
  for (let i = 0; i < rowCount; i++) {
    const arg = choice[i] as number;
    const present = presence[arg];
    if (arg >= 0 && (present === undefined || bitAt(present, i)))
      bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  const validity = validityFrom(bits, rowCount);
  const form = formOf(type);
  if (type.id === 'null') return nullVector(type, rowCount);
  if (form.kind === 'bool') return chooseBits(args, choice, type, validity);
  if (form.kind === 'bytes' && type.id !== 'dictionary') return chooseBytes(args, choice, type, validity);
  if (form.kind === 'none' || form.kind === 'bytes') return chooseGathered(args, choice, type);
  const width = TYPE_TABLE[type.id].byteWidth(type);
  const out = new Uint8Array(rowCount * width);
  for (let i = 0; i < rowCount; i++) {
    const source = args[choice[i] as number]?.buffers[1];
    if (source !== undefined) out.set(source.subarray(i * width, (i + 1) * width), i * width);
  }
  return vectorOf(type, rowCount, validity, out);
}

/** Of types that have no form of their own. */
function chooseGathered(args: readonly Vector[], choice: Int32Array, type: DataType): Vector {
  // Only what is chosen has the result's type: conditions are among the arguments.
  const used = [...new Set(choice)].filter((arg) => arg >= 0);
  if (used.length === 0) return nullVector(type, choice.length);
  const rows = new Uint32Array(choice.length);
  for (let i = 0; i < rows.length; i++) {
    const place = used.indexOf(choice[i] as number);
    rows[i] = place < 0 ? NO_ROW : place * choice.length + i;
  }
  return gatherOrNull(joinVectors(used.map((arg) => args[arg] as Vector)), rows);
}

function chooseBits(args: readonly Vector[], choice: Int32Array, type: DataType, validity: Validity): Vector {
  const out = new Uint8Array((choice.length + 7) >> 3);
  for (let i = 0; i < choice.length; i++) {
    const source = args[choice[i] as number];
    if (source !== undefined && bitAt(bitsOf(source), i)) out[i >> 3] = (out[i >> 3] as number) | (1 << (i & 7));
  }
  return vectorOf(type, choice.length, validity, out);
}

function chooseBytes(args: readonly Vector[], choice: Int32Array, type: DataType, validity: Validity): Vector {
  const columns = args.map((vector) => (formOf(vector.type).kind === 'bytes' ? byteRowsOf(vector) : undefined));
  const builder = new ByteRowsBuilder(choice.length);
  for (let i = 0; i < choice.length; i++) {
    const rows = columns[choice[i] as number];
    if (rows !== undefined && (validity.bits === undefined || bitAt(validity.bits, i))) {
      const buffer = rows.buffers[rows.which === undefined ? 0 : (rows.which[i] as number)] as Uint8Array;
      builder.append(buffer, rows.starts[i] as number, rows.ends[i] as number);
    }
    builder.endRow();
  }
  return builder.finish(type, validity);
}

/** cond1, value1, …, [else]. */
export const caseKernel: Kernel = (args, rowCount, type) => {
  const choice = new Int32Array(rowCount).fill(args.length % 2 === 1 ? args.length - 1 : -1);
  for (let pair = args.length - (args.length % 2) - 2; pair >= 0; pair -= 2) {
    const { bits } = trueRows(args[pair] as Vector);
    for (let i = 0; i < rowCount; i++) if (bitAt(bits, i)) choice[i] = pair + 1;
  }
  return chooseRows(args, choice, type);
};

/** The first present argument. */
export const coalesceKernel: Kernel = (args, rowCount, type) => {
  const choice = new Int32Array(rowCount).fill(-1);
  for (let arg = args.length - 1; arg >= 0; arg--) {
    const present = validityOf(args[arg] as Vector).bits;
    for (let i = 0; i < rowCount; i++) if (present === undefined || bitAt(present, i)) choice[i] = arg;
  }
  return chooseRows(args, choice, type);
};

/** The greatest or least argument that is present, in the order of comparisons. */
export function extremeKernel(operator: '>' | '<'): Kernel {
  return (args, rowCount, type) => {
    const isBeyond = compareKernel(operator, [type, type]);
    let best = args[0] as Vector;
    for (const next of args.slice(1)) {
      const { bits } = trueRows(isBeyond([next, best], rowCount, { id: 'bool' }));
      const known = validityOf(best).bits;
      const choice = new Int32Array(rowCount);
      for (let i = 0; i < rowCount; i++)
        choice[i] = bitAt(bits, i) || (known !== undefined && !bitAt(known, i)) ? 1 : 0;
      best = chooseRows([best, next], choice, type);
    }
    return best;
  };
}
