/** The type in which statements give values to a column. Hides nothing. */
import type { DataType } from '../arrow/type.ts';

/** That of what the column encodes, where it encodes: encoding is left to whoever writes the rows. */
export function storedType(type: DataType): DataType {
  return type.id === 'dictionary' ? type.value : type.id === 'run_end' ? type.values.type : type;
}
