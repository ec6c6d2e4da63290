/**
 * The numbers routes: `/stats`, `/tables`, `/metrics`.
 *
 * Hides field names: JSON has snake case. Invariant: nothing here runs a query; counts come from the snapshot.
 */
import { typeName } from '../arrow/type.ts';
import { METRICS_CONTENT_TYPE, metricsText } from '../base/metrics.ts';
import type { Engine, TableDescription } from '../engine/contract.ts';
import { sendJson, sendText } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** The engine's state and the tables' sizes. `flightAddress` undefined: Flight is off. */
export function answerStats(engine: Engine, exchange: Exchange, flightAddress: string | undefined): void {
  const status = engine.status();
  sendJson(exchange, 200, {
    uptime_ms: status.uptimeMs,
    version: status.version,
    queries_running: status.queriesRunning,
    queries_waiting: status.queriesWaiting,
    puts_open: status.putsOpen,
    draining: status.draining,
    read_only: status.readOnlyReason ?? null,
    segments: status.segmentCount,
    maps: status.mapCount,
    flight: flightAddress ?? 'off',
    tables: engine.tables().map((table) => ({ name: table.name, rows: table.rowCount, bytes: table.byteCount })),
  });
}

/** Every table with its columns. */
export function answerTables(engine: Engine, exchange: Exchange): void {
  sendJson(exchange, 200, { tables: engine.tables().map(describeTable) });
}

function describeTable(table: TableDescription): Readonly<Record<string, unknown>> {
  return {
    name: table.name,
    rows: table.rowCount,
    bytes: table.byteCount,
    columns: table.schema.fields.map((field) => ({
      name: field.name,
      type: typeName(field.type),
      nullable: field.nullable,
    })),
  };
}

/** The metrics in Prometheus' text form. */
export async function answerMetrics(exchange: Exchange): Promise<void> {
  sendText(exchange, 200, METRICS_CONTENT_TYPE, await metricsText());
}
