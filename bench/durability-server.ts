/**
 * The server of the bench of cold tables: the engine and the Flight door, with the delay of its event loop measured.
 *
 * Usage: durability-server.ts DIRECTORY, started with an IPC channel. Sends `{ address }` when it serves; answers the
 * message `reset` with an empty histogram begun, `read` with its figures in milliseconds, and ends at `stop`. A delay
 * is how late a timer of one millisecond came; a major fault is a page that this thread waited for the disk to give,
 * which tells stalls by cold pages from stalls for want of a processor.
 */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setLogLevel } from '../src/base/log.ts';
import { open } from '../src/engine/engine.ts';
import { openFlightDoor } from '../src/flight/door.ts';

setLogLevel('error');
const NANOSECONDS = 1e6;
const engine = await open(process.argv[2] ?? '');
const door = await openFlightDoor(engine, { enabled: true, host: '127.0.0.1', port: 0 });
const delay = monitorEventLoopDelay({ resolution: 1 });

/** Major faults of the thread that runs the event loop, so far. */
function majorFaults(): number {
  const pid = process.pid.toString();
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[9]);
}

let faultsBefore = 0;

function send(message: object): void {
  process.send?.(message);
}

process.on('message', (message) => {
  if (message === 'reset') {
    delay.enable();
    delay.reset();
    faultsBefore = majorFaults();
    send({});
  } else if (message === 'read') {
    send({
      p999: delay.percentile(99.9) / NANOSECONDS,
      most: delay.max / NANOSECONDS,
      faults: majorFaults() - faultsBefore,
    });
  } else if (message === 'stop') {
    void door
      .close(0)
      .then(() => engine.close())
      .then(() => process.disconnect());
  }
});
send({ address: door.address });
