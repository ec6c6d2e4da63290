/**
 * timezone() and AT TIME ZONE: zoned timestamps as a zone's local time, and local times as instants.
 *
 * Hides zone tables. Invariants: the fraction of a second is kept; both ways change only the offset.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { zonePartCall, zonePartKernel } from './date-function.ts';
import type { FunctionEntry } from './entry.ts';
import { familyOf, flatType, strictCall, UTF8 } from './signature.ts';
import { MICROS, momentParameter, timestampType } from './time-signature.ts';
import { isPresentRow, momentsOf, momentVector } from './time-words.ts';
import { mergeValidity } from './validity.ts';
import { zoneOf } from './zone.ts';
import type { Zone } from './zone.ts';

const zoneKernel: Kernel = (args, rowCount, type) => {
  const [names, values] = args as [Vector, Vector];
  const validity = mergeValidity(args, rowCount);
  const rows = byteRowsOf(names);
  const toLocal = type.id === 'timestamp' && type.timezone === undefined;
  const { days, rests, perDay } = momentsOf(values);
  const perSecond = perDay / 86_400;
  const out = rests.slice();
  let name = '';
  let zone: Zone | undefined;
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) continue;
    const next = rowText(rows, i);
    if (zone === undefined || next !== name) zone = zoneOf(next);
    name = next;
    if (Math.abs(days[i] as number) === Infinity) continue;
    const seconds = (days[i] as number) * 86_400 + Math.floor((rests[i] as number) / perSecond);
    const offset = toLocal ? zone.offset(seconds) : -zone.localOffset(seconds);
    out[i] = (rests[i] as number) + offset * perSecond;
  }
  return momentVector(type, { days, rests: out, perDay }, rowCount, validity);
};

function resolve(args: readonly DataType[]): ResolvedCall | undefined {
  const [zone, value] = args;
  if (zone === undefined || value === undefined) return zonePartCall(args);
  if (args.length !== 2 || (zone.id !== 'null' && familyOf(zone) !== 'text')) return undefined;
  const met = momentParameter(value, false);
  const parameter = met?.id === 'date' ? MICROS : met;
  if (parameter?.id !== 'timestamp') return undefined;
  const type = timestampType(parameter.unit, parameter.timezone === undefined ? 'UTC' : undefined);
  return strictCall('timezone', [zone.id === 'null' ? UTF8 : flatType(zone), parameter], type);
}

/** The entries of this family. */
export const ZONES: readonly FunctionEntry[] = [
  {
    name: 'timezone',
    expects: '(text, timestamp), (text, timestamp with time zone) or (timestamp)',
    doc:
      'A zoned timestamp as local time of the zone, or a local time as the instant; `x AT TIME ZONE zone` is the ' +
      "same. With one argument the offset of the session's zone, UTC, in seconds.",
    example: "timezone('Europe/Berlin', TIMESTAMPTZ '2024-02-29 12:00:00+00') → 2024-02-29 13:00:00",
    resolve,
    kernel: (parameters) => (parameters.length === 1 ? zonePartKernel : zoneKernel),
  },
];
