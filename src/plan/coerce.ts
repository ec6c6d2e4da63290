/**
 * Calls, casts and comparisons: arguments brought to the types of an overload.
 *
 * Hides overload resolution's answers and the treatment of literals. Invariants: arguments of a call have exactly
 * the parameter types; a literal is cast here and now, so that no cast of a literal reaches a plan unless it would
 * fail there.
 */
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { constantText } from '../function/constant.ts';
import type { ResolvedCall, Unresolved } from '../function/contract.ts';
import { partsOf } from '../function/nested-type.ts';
import type { KnownArgument } from '../function/registry.ts';
import { castKind, functionNames, isVolatile, resolveFunction, resultType } from '../function/registry.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { nearestName } from '../base/names.ts';
import { printText } from '../sql/print.ts';
import { adaptLiteral, adaptOperand, decimalValue, floorOf, intHolds, intLiteral, targetOf } from './adapt.ts';
import type { Literal } from './constant.ts';
import { BOOL, castLiteral, evaluateCall, fixValue, INT64, makeLiteral, tryCastLiteral } from './constant.ts';
import type { Expr } from './expr.ts';
import { sqlTypeName } from './sql-type.ts';

/**
 * `expr` as `type`, by a cast where needed. The cast must be possible. `firm`: the place can have no other type, which
 * parameters learn.
 */
export function coerce(expr: Expr, type: DataType, firm = true): Expr {
  if (sameType(expr.type, type)) return expr;
  if (expr.kind === 'literal') {
    expr.wish?.want(targetOf(type), firm);
    const literal = adaptLiteral(expr, type) ?? tryCastLiteral(expr, type, false);
    if (literal !== undefined) return literal;
  }
  return { kind: 'cast', operand: expr, type, nullable: expr.nullable, attempt: false, span: expr.span };
}

/** A text literal read as `type`. @throws `sql_bind` when it cannot be. */
export function readText(sql: string, literal: Literal, type: DataType): Expr {
  try {
    return castLiteral(literal, type) ?? coerce(literal, type);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const text = printText(constantText(literal.value).slice(0, 60));
    throw sqlError('sql_bind', sql, literal.span, `${text} cannot be read as ${sqlTypeName(type)}`);
  }
}

/** CAST and TRY_CAST. @throws `sql_bind` when no such cast exists. */
export function castTo(sql: string, operand: Expr, type: DataType, attempt: boolean, span: Span): Expr {
  if (sameType(operand.type, type)) return operand;
  if (castKind(operand.type, type) === 'none') {
    const types = `${sqlTypeName(operand.type)} to ${sqlTypeName(type)}`;
    throw sqlError('sql_bind', sql, span, `there is no cast from ${types}`);
  }
  if (operand.kind === 'literal') operand.wish?.want(targetOf(type), true);
  const literal = operand.kind === 'literal' ? tryCastLiteral(operand, type, attempt) : undefined;
  if (literal !== undefined) return { ...literal, span };
  return { kind: 'cast', operand, type, nullable: attempt || operand.nullable, attempt, span };
}

/**
 * `expr` as a condition: booleans as they are, null, text literals and numbers cast as in DuckDB. @throws
 * `sql_bind`
 */
export function toCondition(sql: string, expr: Expr, what: string): Expr {
  if (expr.type.id === 'bool') return expr;
  if (expr.kind === 'literal' && typeof expr.value === 'string') return readText(sql, expr, BOOL);
  const type = targetOf(expr.type);
  const converts =
    type.id === 'null' || type.id === 'bool' || type.id === 'int' || type.id === 'float' || type.id === 'decimal';
  if (!converts || castKind(expr.type, BOOL) === 'none') {
    throw sqlError('sql_bind', sql, expr.span, `${what} must be BOOLEAN, not ${sqlTypeName(expr.type)}`);
  }
  return coerce(expr, BOOL);
}

function isResolved(answer: ResolvedCall | Unresolved): answer is ResolvedCall {
  return 'parameters' in answer;
}

/**
 * A call of a scalar function or operator. @throws `sql_bind` when nothing fits, `sql_unsupported` for operators we
 * lack.
 */
export function makeCall(
  sql: string,
  name: string,
  args: readonly Expr[],
  span: Span,
  names: readonly (string | undefined)[] = [],
): Expr {
  const answer = resolveCall(sql, name, args, names, span);
  if (!isResolved(answer)) throw unresolvedError(sql, name, args, answer, span);
  // What stands beside nothing but parameters was chosen among several.
  const firm = COMPARING.has(answer.name) && args.some((arg) => arg.type.id !== 'null');
  const coerced = args.map((arg, i) => coerce(arg, answer.parameters[i] as DataType, firm));
  const call = {
    kind: 'call',
    name: answer.name,
    // Its place in the text tells a volatile call from others, also where an alias stands for it.
    args: isVolatile(answer.name) ? [...coerced, makeLiteral(BigInt(span.start), INT64, span)] : coerced,
    type: answer.type,
    nullable: canBeNull(answer, coerced),
    span,
  } as const;
  // `date '1998-12-01' - interval '90' day` is a literal before it is compared, so that the other side is not cast.
  const isTemporal = TEMPORAL.has(answer.type.id) && coerced.every((arg) => arg.kind === 'literal');
  return (isTemporal ? evaluateCall(call) : undefined) ?? call;
}

/** What the registry answers; its errors get their place in the text. */
function resolveCall(
  sql: string,
  name: string,
  args: readonly Expr[],
  names: readonly (string | undefined)[],
  span: Span,
): ResolvedCall | Unresolved {
  try {
    return resolveFunction(
      name,
      args.map((arg) => arg.type),
      args.map((arg, i) => knownOf(arg, names[i])),
    );
  } catch (error) {
    if (error instanceof EngineError) throw sqlError(error.code, sql, span, error.message);
    throw error;
  }
}

const COMPARING = new Set(['=', '<>', '<', '<=', '>', '>=', 'in', 'is_distinct_from', 'is_not_distinct_from']);
/** What a signature may ask of an argument beside its type. */
function knownOf(arg: Expr, name: string | undefined): KnownArgument {
  if (arg.kind === 'literal') return { name, isNamed: name !== undefined, value: arg.value };
  return { name: name ?? (arg.kind === 'column' ? arg.name : undefined), isNamed: name !== undefined };
}

const TEMPORAL: ReadonlySet<DataType['id']> = new Set<DataType['id']>(['date', 'time', 'timestamp', 'interval']);

/** Whether a call can yield null, given its arguments. */
function canBeNull(call: ResolvedCall, args: readonly Expr[]): boolean {
  if (call.nulls === 'never') return false;
  if (call.name === 'coalesce') return args.every((arg) => arg.nullable);
  if (call.name === 'case') {
    const values = args.filter((_, i) => i % 2 === 1 || i === args.length - 1);
    return args.length % 2 === 0 || values.some((value) => value.nullable);
  }
  return call.canMakeNull || args.some((arg) => arg.nullable);
}

/** The error for a call that no overload takes, or that nothing is known of. */
export function unresolvedError(
  sql: string,
  name: string,
  args: readonly Expr[],
  answer: Unresolved,
  span: Span,
): Error {
  const isWord = /^[a-z_]/iu.test(name);
  if (answer.known) {
    const types = args.map((arg) => sqlTypeName(arg.type)).join(', ');
    const what = isWord ? `function ${name}` : `operator ${name}`;
    return sqlError('sql_bind', sql, span, `${what} ${answer.expects}, not (${types})`);
  }
  if (!isWord) return sqlError('sql_unsupported', sql, span, `the operator ${name} is not supported yet`);
  const nearest = nearestName(name, functionNames());
  const remedy = nearest === undefined ? undefined : `did you mean ${quoteText(nearest)}?`;
  return sqlError('sql_bind', sql, span, `there is no function ${quoteText(name)}`, remedy);
}

/** Two operands of arithmetic, a literal among them taking the other's type where that is exact. */
export function makeArithmetic(sql: string, name: string, left: Expr, right: Expr, span: Span): Expr {
  const [a, b] = adaptPair(left, right, adaptOperand);
  return makeCall(sql, name, [a, b], span);
}

type Adapt = (literal: Literal, type: DataType) => Literal | undefined;

function adaptPair(left: Expr, right: Expr, adapt: Adapt): readonly [Expr, Expr] {
  if (left.kind === 'literal' && right.kind !== 'literal') return [adapt(left, targetOf(right.type)) ?? left, right];
  if (right.kind === 'literal' && left.kind !== 'literal') return [left, adapt(right, targetOf(left.type)) ?? right];
  return [left, right];
}

const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

/**
 * A comparison. A literal takes the other side's type wherever that keeps the meaning, so that the other side needs
 * no cast.
 */
export function makeComparison(sql: string, name: string, left: Expr, right: Expr, span: Span): Expr {
  if (left.kind === 'literal' && right.kind !== 'literal') {
    const mirrored = compareWithFraction(sql, MIRRORED[name] ?? name, right, left, span);
    if (mirrored !== undefined) return mirrored;
  } else if (right.kind === 'literal' && left.kind !== 'literal') {
    const compared = compareWithFraction(sql, name, left, right, span);
    if (compared !== undefined) return compared;
  }
  const a = comparable(sql, left, right);
  const b = comparable(sql, right, left);
  return makeCall(sql, name, [a, b], span);
}

/** `expr` as it compares with `other`: literals adapted, text literals read as the other's type. */
export function comparable(sql: string, expr: Expr, other: Expr): Expr {
  if (expr.kind !== 'literal' || expr.value === null) return expr;
  const target = targetOf(other.type);
  const isText = expr.type.id === 'utf8';
  if (isText && takesText(target)) return readText(sql, expr, target);
  return other.kind === 'literal' ? expr : (adaptLiteral(expr, target) ?? expr);
}

/** Types that a text literal is read as when it stands beside them. */
function isReadable(type: DataType): boolean {
  switch (type.id) {
    case 'bool':
    case 'int':
    case 'decimal':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'interval':
      return true;
    case 'float':
      return type.bitWidth !== 16;
    case 'binary':
    case 'large_binary':
      return true;
    default:
      return false;
  }
}

/** Nested types that text has a form for. */
function isNestedType(type: DataType): boolean {
  return partsOf(type) !== undefined && castKind({ id: 'utf8' }, type) !== 'none';
}

function takesText(type: DataType): boolean {
  return isReadable(type) || isNestedType(type);
}

/** `integers > 1.5` is `integers > 1`, and so on: no integer lies between a fraction and its floor. */
function compareWithFraction(sql: string, name: string, expr: Expr, literal: Literal, span: Span): Expr | undefined {
  const type = targetOf(expr.type);
  const decimal = decimalValue(literal);
  if (type.id !== 'int' || decimal === undefined || literal.type.id !== 'decimal' || MIRRORED[name] === undefined) {
    return undefined;
  }
  fixValue(literal);
  const floor = floorOf(decimal);
  const isWhole = floor * 10n ** BigInt(decimal.scale) === decimal.unscaled;
  if (isWhole || !intHolds(type, floor)) return undefined;
  const bound = intLiteral(floor, type, literal);
  return makeCall(sql, name.startsWith('>') ? '>' : '<=', [expr, bound], span);
}

/** Functions whose arguments meet in one type. */
const MEETING = new Set(
  'coalesce ifnull nullif greatest least add subtract multiply divide mod xor gcd lcm'.split(' '),
);

/** Arguments, made alike where they meet; a number that is the first of NULLIF keeps its type, which is the result's. */
export function meetingArgs(name: string, args: readonly Expr[]): readonly Expr[] {
  if (name === 'list_value') return readTexts(args, () => true, isNestedType);
  if (!MEETING.has(name)) return args;
  const [first] = args;
  const isNumber = first?.type.id === 'int' || first?.type.id === 'decimal' || first?.type.id === 'float';
  const isKept = name === 'nullif' && first?.kind === 'literal' && isNumber;
  return adaptAmong(args, (index) => !isKept || index > 0);
}

/**
 * Arguments that meet in one type (results of CASE, coalesce): integer literals take the type of the others where
 * they fit.
 */
export function adaptAmong(args: readonly Expr[], takesPart: (index: number) => boolean): readonly Expr[] {
  const read = readTexts(args, takesPart);
  const model = read.find((arg, i) => takesPart(i) && arg.kind !== 'literal');
  if (model === undefined) return read;
  const type = targetOf(model.type);
  return read.map((arg, i) => {
    return arg.kind === 'literal' && takesPart(i) && !isTyped(arg) ? (adaptOperand(arg, type) ?? arg) : arg;
  });
}

/** True for an integer of a type that it would not have if it were written without one. */
function isTyped({ type, value }: Literal): boolean {
  if (type.id !== 'int' || typeof value === 'string') return false;
  const isSmall = Math.abs(Number(value)) < 2 ** 31;
  return !type.signed || type.bitWidth !== (isSmall ? 32 : 64);
}

/** Text literals beside values of another type are read as that; what cannot be is an error where it is evaluated. */
function readTexts(
  args: readonly Expr[],
  takesPart: (index: number) => boolean,
  isRead = takesText,
): readonly Expr[] {
  const isText = (arg: Expr): boolean => arg.kind === 'literal' && arg.type.id === 'utf8';
  const others = args.filter((arg, i) => takesPart(i) && !isText(arg) && arg.type.id !== 'null');
  const type = others
    .map((arg): DataType | undefined => targetOf(arg.type))
    .reduce(
      (met, next) => (met === undefined || next === undefined ? undefined : resultType(met, next)),
      others[0]?.type,
    );
  if (type === undefined || !isRead(targetOf(type))) return args;
  return args.map((arg, i) => {
    if (arg.kind !== 'literal' || !takesPart(i) || !isText(arg) || arg.value === null) return arg;
    try {
      return castLiteral(arg, targetOf(type)) ?? coerce(arg, targetOf(type));
    } catch (error) {
      if (error instanceof EngineError) return coerce(arg, targetOf(type));
      throw error;
    }
  });
}

/** Rounded decimals with as many digits after the point as a constant says, and no more whole ones than there can be. */
export function withDigits(call: Expr, [value, digits]: readonly Expr[]): Expr {
  const from = value === undefined ? undefined : targetOf(value.type);
  if (call.type.id !== 'decimal' || from?.id !== 'decimal') return call;
  if (digits?.kind !== 'literal' || typeof digits.value !== 'number') return call;
  // The kernel rounds into whatever type the call has.
  if (digits.value >= from.scale) return { ...call, type: from.bitWidth < 128 ? { ...from, bitWidth: 128 } : from };
  const scale = Math.max(0, digits.value);
  const precision = Math.max(from.precision, from.precision - from.scale + 1 + scale);
  return { ...call, type: { ...call.type, precision: Math.min(precision, call.type.precision), scale } };
}
