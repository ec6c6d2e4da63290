/**
 * gRPC's health checks, for balancers and probes: the whole server, or its Flight service by name.
 *
 * Hides nothing. Invariant: a watch says what changed within HEALTH_WATCH_MS, and ends with the answer that the server
 * does not serve, so that it holds up no stop. Source: gRPC, "Health checking".
 */
import { setTimeout as wait } from 'node:timers/promises';
import { EngineError } from '../base/errors.ts';
import { HEALTH_WATCH_MS } from '../base/limits.ts';
import { answers, unary } from './handlers.ts';
import type { Service } from './handlers.ts';
import { serviceOf } from './message.ts';

interface Request {
  readonly service: string;
}

interface Answer {
  readonly status: number;
}

/** The full name of the service. */
export const HEALTH_SERVICE = 'grpc.health.v1.Health';

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** The health service; `isServing` is asked at each call. `names`: the services that it speaks for */
export function healthService(names: readonly string[], isServing: () => boolean): Service {
  const statusOf = (service: string): number => {
    if (service !== '' && !names.includes(service)) return SERVICE_UNKNOWN;
    return isServing() ? SERVING : NOT_SERVING;
  };
  const handlers = {
    Check: unary<Request, Answer>('HealthCheck', async (_scope, { service }) => {
      const status = await Promise.resolve(statusOf(service));
      if (status === SERVICE_UNKNOWN) throw unknownService(service, names);
      return { status };
    }),
    Watch: answers<Request>('HealthWatch', async function* ({ signal }, { service }) {
      let told: number | undefined;
      while (told !== NOT_SERVING) {
        const status = statusOf(service);
        if (status !== told) yield { status };
        told = status;
        await wait(HEALTH_WATCH_MS, undefined, { signal });
      }
    }),
  };
  return { definition: serviceOf(HEALTH_SERVICE), handlers };
}

function unknownService(service: string, names: readonly string[]): EngineError {
  const shown = JSON.stringify(service.slice(0, 100));
  return new EngineError('not_found', `there is no service ${shown}; there are ${names.join(', ')}`);
}
