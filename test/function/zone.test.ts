/**
 * Zones: offsets at instants and at local times, borders found to the second.
 *
 * Method: transitions whose moments are on record (IANA time zone database), each asked one second before and at it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isZone, zoneOf } from '../../src/function/zone.ts';

function seconds(text: string): number {
  return Date.parse(`${text}Z`) / 1000;
}

test('an offset changes at the second of its transition', () => {
  const transitions: readonly (readonly [zone: string, at: string, before: number, after: number])[] = [
    ['Europe/Berlin', '2024-03-31T01:00:00', 3600, 7200],
    ['Europe/Berlin', '2024-10-27T01:00:00', 7200, 3600],
    ['America/New_York', '1883-11-18T17:00:00', -17_762, -18_000],
    ['Australia/Lord_Howe', '2024-04-06T15:00:00', 39_600, 37_800],
    ['Pacific/Apia', '2011-12-30T10:00:00', -36_000, 50_400],
    ['Africa/Cairo', '2014-05-15T22:00:00', 7200, 10_800],
    ['Africa/Cairo', '2014-06-26T21:00:00', 10_800, 7200],
  ];
  for (const [name, at, before, after] of transitions) {
    assert.equal(zoneOf(name).offset(seconds(at) - 1), before, `${name} before ${at}`);
    assert.equal(zoneOf(name).offset(seconds(at)), after, `${name} at ${at}`);
  }
});

test('a skipped local time counts from before the gap, one that occurs twice is the later instant', () => {
  const zone = zoneOf('America/New_York');
  assert.equal(zone.localOffset(seconds('2024-03-10T01:59:59')), -18_000);
  assert.equal(zone.localOffset(seconds('2024-03-10T02:30:00')), -18_000);
  assert.equal(zone.localOffset(seconds('2024-03-10T03:00:00')), -14_400);
  assert.equal(zone.localOffset(seconds('2024-11-03T00:59:59')), -14_400);
  assert.equal(zone.localOffset(seconds('2024-11-03T01:30:00')), -18_000);
  assert.equal(zone.localOffset(seconds('2024-11-03T02:00:00')), -18_000);
});

test('the far past has the first offset, the far future the last rules', () => {
  const zone = zoneOf('Europe/Berlin');
  assert.equal(zone.offset(seconds('0001-07-01T00:00:00')), 3208);
  assert.equal(zone.offset(-9_000_000_000_000), 3208);
  assert.equal(zone.offset(seconds('9999-07-01T00:00:00')), 7200);
  assert.equal(zone.offset(seconds('9999-01-01T00:00:00')), 3600);
  assert.equal(zone.offset(9_000_000_000_000 + 2), zone.offset(9_000_000_000_000 + 2 - 146_097 * 86_400));
});

test('names are known in any case, fixed offsets by their letters, and others are refused', () => {
  assert.equal(zoneOf('europe/berlin'), zoneOf('Europe/Berlin'));
  assert.equal(zoneOf('UTC+2').offset(0), 7200);
  assert.equal(zoneOf('gmt-03:30').offset(0), -12_600);
  assert.equal(isZone('+02:00'), false);
  assert.throws(() => zoneOf('Nowhere/X'), {
    code: 'value_error',
    message: "there is no time zone 'Nowhere/X'; 'Europe/Berlin' and 'UTC' are some",
  });
});
