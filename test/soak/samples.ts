/**
 * What a server takes over time: memory, descriptors, maps, the catalog's log, its directory; and their slopes.
 *
 * Method: the kernel's figures of the process; least squares over the second half of the run, in which nobody is
 * killed, so that one process is looked at. Linux only.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOG_LOG_FILE_BYTES_MAX, SEGMENT_MAPS_MAX, TICKET_LIFE_MS } from '../../src/base/limits.ts';

const MIB = 1024 * 1024;

export interface Sample {
  readonly atMs: number;
  readonly pid: number;
  readonly values: Readonly<Record<Measure, number>>;
}

export type Measure = keyof typeof MEASURES;

/** How long a server warms up. */
const WARM_MS = 5 * 60_000;
/** A slope over less than this tells nothing. */
const JUDGED_MS_MIN = 5 * 60_000;

/**
 * Unit; the greatest slope that is no leak, a minute; the greatest value, if there is one; and how old the server must
 * be for the slope to count. What is dropped or replaced is retained for a ticket's life and may hold memory, maps and
 * disk until then, so those slopes cannot tell a leak before.
 */
const MEASURES = {
  anonymous: { unit: 'MiB', slopeMax: 2, most: 1_024, steadyMs: TICKET_LIFE_MS },
  resident: { unit: 'MiB', slopeMax: Infinity, most: Infinity, steadyMs: TICKET_LIFE_MS },
  descriptors: { unit: '', slopeMax: 1, most: 256, steadyMs: WARM_MS },
  'segment maps': { unit: '', slopeMax: 10, most: SEGMENT_MAPS_MAX, steadyMs: TICKET_LIFE_MS },
  'all maps': { unit: '', slopeMax: 10, most: 2 * SEGMENT_MAPS_MAX, steadyMs: TICKET_LIFE_MS },
  log: { unit: 'MiB', slopeMax: 2, most: (2 * CATALOG_LOG_FILE_BYTES_MAX) / MIB, steadyMs: WARM_MS },
  directory: { unit: 'MiB', slopeMax: 2, most: Infinity, steadyMs: TICKET_LIFE_MS },
} as const;

function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function directoryBytes(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += fileBytes(join(entry.parentPath, entry.name));
  }
  return bytes;
}

/** Takes a sample; undefined when the process is gone. */
export function takeSample(pid: number, directory: string, atMs: number): Sample | undefined {
  try {
    const status = readFileSync(`/proc/${pid.toString()}/status`, 'utf8');
    const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
    const maps = readFileSync(`/proc/${pid.toString()}/maps`, 'utf8').trimEnd().split('\n');
    const values = {
      anonymous: kib('RssAnon') / 1024,
      resident: kib('VmRSS') / 1024,
      descriptors: readdirSync(`/proc/${pid.toString()}/fd`).length,
      'segment maps': maps.filter((line) => line.includes('.arrow')).length,
      'all maps': maps.length,
      log: fileBytes(join(directory, 'catalog.db-wal')) / MIB,
      directory: directoryBytes(directory) / MIB,
    };
    // A process that was killed and not yet waited for has a status without memory.
    return Number.isNaN(values.anonymous) ? undefined : { atMs, pid, values };
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** Least-squares slope of `values` over `times`, in units of the value per unit of time. */
export function slopeOf(times: readonly number[], values: readonly number[]): number {
  const count = times.length;
  const meanTime = times.reduce((sum, time) => sum + time, 0) / count;
  const meanValue = values.reduce((sum, value) => sum + value, 0) / count;
  let covariance = 0;
  let variance = 0;
  times.forEach((time, i) => {
    covariance += (time - meanTime) * ((values[i] ?? 0) - meanValue);
    variance += (time - meanTime) ** 2;
  });
  return covariance / variance;
}

export interface Trend {
  readonly measure: Measure;
  readonly unit: string;
  readonly first: number;
  readonly last: number;
  readonly most: number;
  readonly slope: number;
  readonly slopeMax: number;
  /** False when there are too few samples of a server that is old enough for the slope to tell a leak. */
  readonly isSteady: boolean;
  /** When the samples begin that the slope is of. */
  readonly fromMs: number;
  readonly valueMax: number;
}

/** Trends of what the last server gave once it was old enough, or of all from `halfMs` on; slopes are per minute. */
export function trendsOf(samples: readonly Sample[], halfMs: number): readonly Trend[] {
  const last = samples.at(-1);
  const startMs = samples.find(({ pid }) => pid === last?.pid)?.atMs ?? 0;
  return (Object.keys(MEASURES) as Measure[]).map((measure) => {
    const oldEnoughMs = Math.max(halfMs, startMs + MEASURES[measure].steadyMs);
    const isSteady = (last?.atMs ?? 0) - oldEnoughMs >= JUDGED_MS_MIN;
    const fromMs = isSteady ? oldEnoughMs : halfMs;
    const later = samples.filter(({ atMs }) => atMs >= fromMs);
    const minutes = later.map(({ atMs }) => atMs / 60_000);
    const values = later.map((sample) => sample.values[measure]);
    return {
      measure,
      unit: MEASURES[measure].unit,
      first: values[0] ?? Number.NaN,
      last: values.at(-1) ?? Number.NaN,
      most: Math.max(...samples.map((sample) => sample.values[measure])),
      slope: slopeOf(minutes, values),
      slopeMax: MEASURES[measure].slopeMax,
      isSteady,
      fromMs,
      valueMax: MEASURES[measure].most,
    };
  });
}
