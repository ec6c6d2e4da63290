/**
 * The Flight door that is shut: same interface, does nothing, and says why.
 *
 * Takes the place of the real one when Flight is switched off or its packages are not installed. Hides nothing.
 */
import type { FlightDoor } from './door.ts';

/** Makes the shut door; `reason` is for people. */
export function flightStub(reason: string): FlightDoor {
  return {
    address: 'off',
    reason,
    close: () => Promise.resolve(),
  };
}
