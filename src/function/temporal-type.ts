/**
 * The types in which means and quantiles of dates and times are computed.
 *
 * Hides nothing. Invariant: microseconds, as DuckDB's TIMESTAMP and TIME have; a zone is kept.
 */
import type { DataType } from '../arrow/type.ts';

/** A type between whose values there is always another one; undefined for types that are neither date nor time. */
export function momentType(type: DataType): DataType | undefined {
  switch (type.id) {
    case 'date':
      return { id: 'timestamp', unit: 'microsecond', timezone: undefined };
    case 'timestamp':
      return { id: 'timestamp', unit: 'microsecond', timezone: type.timezone };
    case 'time':
      return { id: 'time', unit: 'microsecond', bitWidth: 64 };
    default:
      return undefined;
  }
}
