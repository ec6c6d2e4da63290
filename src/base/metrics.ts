/**
 * Metrics: counters, gauges and histograms under the `sheaf_` prefix, by prom-client.
 *
 * Hides the library. Invariants: names end in their unit (`_total`, `_seconds`, `_bytes`); labels have few values,
 * never SQL or table names of unbounded number; a metric is made once, at module load, in the file that counts it.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { MetricObject } from 'prom-client';

/** What prom-client gives of a metric; its own type leaves the names of a histogram's series out. */
type MetricWithSamples = MetricObject & {
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
};

const registry = new Registry();
let defaultsCollected = false;

/** Makes a counter; `labels` names its dimensions. */
export function makeCounter<L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): Counter<L> {
  return new Counter<L>({ name: `sheaf_${name}`, help, labelNames: [...labels], registers: [registry] });
}

/** Makes a gauge; with `read`, its value is asked for at each scrape. */
export function makeGauge(name: string, help: string, read?: () => number): Gauge {
  const gauge: Gauge = new Gauge({
    name: `sheaf_${name}`,
    help,
    registers: [registry],
    ...(read === undefined
      ? {}
      : {
          collect() {
            gauge.set(read());
          },
        }),
  });
  return gauge;
}

/** Makes a histogram of seconds. */
export function makeHistogram<L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): Histogram<L> {
  return new Histogram<L>({
    name: `sheaf_${name}`,
    help,
    labelNames: [...labels],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
}

function collectDefaults(): void {
  if (defaultsCollected) return;
  collectDefaultMetrics({ register: registry, prefix: 'sheaf_' });
  defaultsCollected = true;
}

/** The Prometheus text of all metrics, those of the process and the event loop included. */
export async function metricsText(): Promise<string> {
  collectDefaults();
  return registry.metrics();
}

/** One line of `metricsText`. */
export interface MetricSample {
  readonly name: string;
  /** counter, gauge or histogram. */
  readonly kind: string;
  /** As in the text: `door="http",code="ok"`; empty without labels. */
  readonly labels: string;
  readonly value: number;
  readonly help: string;
}

/** The lines of `metricsText`, one by one. */
export async function metricSamples(): Promise<readonly MetricSample[]> {
  collectDefaults();
  const metrics = (await registry.getMetricsAsJSON()) as readonly MetricWithSamples[];
  return metrics.flatMap(({ name, type, help, values }) => {
    return values.map(({ value, labels, metricName }) => ({
      name: metricName ?? name,
      kind: type.toString(),
      labels: Object.entries(labels)
        .map(([label, text]) => `${label}="${String(text)}"`)
        .join(','),
      value,
      help,
    }));
  });
}

/** The content type that goes with `metricsText`. */
export const METRICS_CONTENT_TYPE = registry.contentType;
