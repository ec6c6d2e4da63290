/**
 * The maintenance thread: does the work of maintenance-work.ts on the machine's disk, away from the thread that serves.
 *
 * Hides nothing. Invariant: calls run side by side as far as they wait for the disk, so a change of the pace is heard
 * while a job runs.
 */
import { realOs } from '../os/real-os.ts';
import { serveThread } from '../os/thread.ts';
import { makeMaintenance } from './maintenance-work.ts';
import type { MaintenanceMethods } from './maintenance-work.ts';

serveThread<MaintenanceMethods>(makeMaintenance(realOs()));
