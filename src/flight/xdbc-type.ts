/**
 * SQL's types as ODBC and JDBC number them: the rows of GetXdbcTypeInfo, and sizes of columns.
 *
 * Hides the numbers. Invariants: every type that a column can be declared with by one name has a row; a row's name is
 * the one that DESCRIBE shows. Lists, structs and maps have no number there and no row.
 * Source: Flight SQL, XdbcDataType and XdbcDatetimeSubcode; ODBC, SQLGetTypeInfo.
 */
import type { DataType, TimeUnit } from '../arrow/type.ts';
import { sqlTypeName } from '../engine/dialect.ts';

/** What one type's row says. */
export interface XdbcType {
  readonly name: string;
  readonly dataType: number;
  /** `dataType`, or what dates, times and intervals have in common. */
  readonly sqlDataType: number;
  /** Which of them it is. */
  readonly subcode: number | null;
  /** Digits, bits or characters; null where there is no bound. */
  readonly columnSize: number | null;
  /** What stands before and after a value in a statement. */
  readonly prefix: string | null;
  readonly suffix: string | null;
  /** What the type's name takes in parentheses. */
  readonly parameters: readonly string[] | null;
  readonly isText: boolean;
  /** Null for what is no number. */
  readonly isUnsigned: boolean | null;
  /** Least and most digits after the point; null where there is none. */
  readonly minimumScale: number | null;
  readonly maximumScale: number | null;
  /** 2: the size is in bits; 10: in digits. */
  readonly radix: number | null;
}

const DATETIME = 9;
const INTERVAL = 10;
const DECIMAL_DIGITS = 38;

/** Digits of a signed integer by its bits. */
const INT_DIGITS: Readonly<Record<number, number>> = { 8: 3, 16: 5, 32: 10, 64: 19 };
const INT_NUMBERS: Readonly<Record<number, number>> = { 8: -6, 16: 5, 32: 4, 64: -5 };
const FRACTION_DIGITS: Readonly<Record<TimeUnit, number>> = {
  second: 0,
  millisecond: 3,
  microsecond: 6,
  nanosecond: 9,
};

/** Characters of `yyyy-mm-dd`, `hh:mm:ss`, a blank between them, a zone's `+hh:mm`. */
const DATE_LENGTH = 10;
const TIME_LENGTH = 8;
const ZONE_LENGTH = 6;

function withFraction(length: number, unit: TimeUnit): number {
  const digits = FRACTION_DIGITS[unit];
  return digits === 0 ? length : length + 1 + digits;
}

/**
 * The size of a column: of integers and decimals their digits, of floating-point numbers their bits, of dates and times
 * the characters of their text. Undefined where there is no bound.
 */
export function columnSize(type: DataType): number | undefined {
  switch (type.id) {
    case 'int':
      return type.bitWidth === 64 && !type.signed ? 20 : INT_DIGITS[type.bitWidth];
    case 'float':
      return type.bitWidth === 64 ? 53 : type.bitWidth === 32 ? 24 : 11;
    case 'decimal':
      return type.precision;
    case 'bool':
      return 1;
    case 'date':
      return DATE_LENGTH;
    case 'time':
      return withFraction(TIME_LENGTH, type.unit);
    case 'timestamp': {
      const length = withFraction(DATE_LENGTH + 1 + TIME_LENGTH, type.unit);
      return type.timezone === undefined ? length : length + ZONE_LENGTH;
    }
    case 'fixed_binary':
      return type.byteWidth;
    case 'dictionary':
      return columnSize(type.value);
    case 'run_end':
      return columnSize(type.values.type);
    default:
      return undefined;
  }
}

/** Digits after the point; undefined where there is none. */
export function columnScale(type: DataType): number | undefined {
  switch (type.id) {
    case 'int':
      return 0;
    case 'decimal':
      return type.scale;
    case 'time':
    case 'timestamp':
      return FRACTION_DIGITS[type.unit];
    case 'dictionary':
      return columnScale(type.value);
    case 'run_end':
      return columnScale(type.values.type);
    default:
      return undefined;
  }
}

/** True for text, which LIKE searches and case tells apart. */
export function isSearchableAsText(type: DataType): boolean {
  if (type.id === 'dictionary') return isSearchableAsText(type.value);
  if (type.id === 'run_end') return isSearchableAsText(type.values.type);
  return type.id === 'utf8' || type.id === 'large_utf8' || type.id === 'utf8_view';
}

interface Number {
  readonly dataType: number;
  readonly subcode?: number;
}

/** A row for `type`; all that follows from the type itself is filled in. */
function typeRow(type: DataType, { dataType, subcode }: Number): XdbcType {
  const name = type.id === 'decimal' ? 'DECIMAL' : sqlTypeName(type);
  const isNumber = type.id === 'int' || type.id === 'float' || type.id === 'decimal';
  const isText = isSearchableAsText(type);
  const isBare = isNumber || type.id === 'bool';
  const scale = columnScale(type) ?? null;
  return {
    name,
    dataType,
    sqlDataType: subcode === undefined ? dataType : dataType === INTERVAL ? INTERVAL : DATETIME,
    subcode: subcode ?? null,
    columnSize: columnSize(type) ?? null,
    prefix: isBare ? null : "'",
    suffix: isBare ? null : isText ? "'" : `'::${name}`,
    parameters: type.id === 'decimal' ? ['precision', 'scale'] : null,
    isText,
    isUnsigned: isNumber ? type.id === 'int' && !type.signed : null,
    minimumScale: type.id === 'decimal' ? 0 : scale,
    maximumScale: scale,
    radix: type.id === 'float' ? 2 : isNumber ? 10 : null,
  };
}

const INT_WIDTHS = [8, 16, 32, 64] as const;
const UNITS = ['second', 'millisecond', 'microsecond', 'nanosecond'] as const;

function integerRows(signed: boolean): readonly XdbcType[] {
  return INT_WIDTHS.map((bitWidth) =>
    typeRow({ id: 'int', bitWidth, signed }, { dataType: INT_NUMBERS[bitWidth] ?? 0 }),
  );
}

const ROWS: readonly XdbcType[] = [
  typeRow({ id: 'bool' }, { dataType: -7 }),
  ...integerRows(true),
  ...integerRows(false),
  typeRow({ id: 'decimal', bitWidth: 128, precision: DECIMAL_DIGITS, scale: DECIMAL_DIGITS }, { dataType: 3 }),
  typeRow({ id: 'float', bitWidth: 32 }, { dataType: 7 }),
  typeRow({ id: 'float', bitWidth: 64 }, { dataType: 8 }),
  typeRow({ id: 'utf8' }, { dataType: 12 }),
  typeRow({ id: 'binary' }, { dataType: -3 }),
  typeRow({ id: 'date', unit: 'day' }, { dataType: 91, subcode: 1 }),
  typeRow({ id: 'time', unit: 'microsecond', bitWidth: 64 }, { dataType: 92, subcode: 2 }),
  typeRow({ id: 'time', unit: 'nanosecond', bitWidth: 64 }, { dataType: 92, subcode: 2 }),
  ...UNITS.map((unit) => typeRow({ id: 'timestamp', unit, timezone: undefined }, { dataType: 93, subcode: 3 })),
  typeRow({ id: 'timestamp', unit: 'microsecond', timezone: 'UTC' }, { dataType: 93, subcode: 5 }),
  typeRow({ id: 'timestamp', unit: 'nanosecond', timezone: 'UTC' }, { dataType: 93, subcode: 5 }),
  // Months, days and nanoseconds together: none of ODBC's intervals, whose subcodes are of one or two parts.
  typeRow({ id: 'interval', unit: 'month_day_nano' }, { dataType: INTERVAL, subcode: 0 }),
];

/** The rows of one data type, or of all when it is undefined, by data type and name. */
export function xdbcTypes(dataType: number | undefined): readonly XdbcType[] {
  return ROWS.filter((row) => dataType === undefined || row.dataType === dataType).sort(
    (a, b) => a.dataType - b.dataType || (a.name < b.name ? -1 : 1),
  );
}
