/**
 * Settings: precedence of flag, environment, file and default, and what bad values are told.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { describeSettings, doorPolicy, isLoopback, resolveSettings } from '../src/config.ts';
import { UsageError } from '../src/cli/host.ts';
import type { Flags } from '../src/cli/host.ts';

const noFile = (path: string): Promise<string> => Promise.reject(new Error(`unexpected read of ${path}`));

function fileOf(content: unknown): (path: string) => Promise<string> {
  return () => Promise.resolve(typeof content === 'string' ? content : JSON.stringify(content));
}

function withEnvironment(t: TestContext, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    process.env[name] = value;
    t.after(() => {
      delete process.env[name];
    });
  }
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof UsageError);
  assert.equal(error.code, 'request_invalid');
  return error.message;
}

test('without anything said, the defaults hold', async () => {
  assert.deepEqual(await resolveSettings({}, noFile), {
    dataDir: './data',
    host: '127.0.0.1',
    flightPort: 8815,
    httpPort: 8123,
    noFlight: false,
    insecure: false,
    logLevel: 'warn',
    graceSeconds: 10,
    snapshotRetentionSeconds: 3_600,
    scrubMibPerSecond: 16,
    queryTimeoutSeconds: 3_600,
    slowQueryMs: 0,
    allowOrigin: [],
    copyDir: '',
    auth: 'auto',
    tlsCert: '',
    tlsKey: '',
    tlsClientCa: '',
    url: '',
    token: '',
    tokenFile: '',
    tlsCa: '',
  });
});

test('a flag wins over the environment, the environment over the file, the file over the default', async (t) => {
  withEnvironment(t, { SHEAF_HTTP_PORT: '2', SHEAF_FLIGHT_PORT: '3', SHEAF_NO_FLIGHT: '1' });
  const file = fileOf({
    'http-port': 4,
    'flight-port': 5,
    'grace-seconds': 6,
    'allow-origin': ['http://a', 'http://b'],
  });
  const settings = await resolveSettings({ httpPort: '1', config: 'c.json' }, file);
  assert.equal(settings.httpPort, 1);
  assert.equal(settings.flightPort, 3);
  assert.equal(settings.graceSeconds, 6);
  assert.equal(settings.noFlight, true);
  assert.equal(settings.host, '127.0.0.1');
  assert.deepEqual(settings.allowOrigin, ['http://a', 'http://b']);
});

test('--no-flight on the command line is the setting no-flight', async () => {
  assert.equal((await resolveSettings({ flight: false }, noFile)).noFlight, true);
});

test('SHEAF_CONFIG names the file when the flag does not', async (t) => {
  withEnvironment(t, { SHEAF_CONFIG: 'c.json' });
  assert.equal((await resolveSettings({}, fileOf({ host: '::1' }))).host, '::1');
});

test('a bad value is told with its setting, its source and what is expected', async (t) => {
  withEnvironment(t, { SHEAF_HTTP_PORT: '70000' });
  const expected = 'expected a whole number from 0 to 65535 (0 picks a free port)';
  assert.equal(
    await refusal(resolveSettings({}, noFile)),
    `http-port is "70000" (from SHEAF_HTTP_PORT); ${expected}`,
  );
  assert.equal(
    await refusal(resolveSettings({ httpPort: '0', flightPort: 'x' }, noFile)),
    `flight-port is "x" (from --flight-port); ${expected}`,
  );
  assert.equal(
    await refusal(resolveSettings({ httpPort: '1', config: 'c.json' }, fileOf({ 'log-level': 'loud' }))),
    'log-level is "loud" (from c.json); expected one of debug, info, warn, error, silent',
  );
  assert.equal(
    await refusal(resolveSettings({ httpPort: '1', config: 'c.json' }, fileOf({ insecure: 'maybe' }))),
    'insecure is "maybe" (from c.json); expected true or false (1, 0, yes and no are understood too)',
  );
});

test('a configuration file that is no JSON object, or names unknown settings, is refused', async () => {
  const read = (content: unknown): Promise<string> => refusal(resolveSettings({ config: 'c.json' }, fileOf(content)));
  assert.match(await read('{'), /^the configuration file c\.json is not JSON: /);
  assert.equal(await read('[1]'), 'the configuration file c.json is not a JSON object of settings');
  assert.equal(
    await read({ 'htp-port': 1 }),
    'the configuration file c.json has no setting named "htp-port"; did you mean "http-port"?',
  );
  assert.equal(
    await refusal(resolveSettings({ config: 'c.json' }, noFile)),
    'the configuration file c.json cannot be read: unexpected read of c.json',
  );
});

test('--print-config shows every value with its source', async (t) => {
  withEnvironment(t, { SHEAF_HOST: 'localhost' });
  const shown = await describeSettings({ httpPort: '1', config: 'c.json' }, fileOf({ 'flight-port': 5 }));
  assert.equal(
    shown,
    [
      'data-dir                    "./data"     default',
      'host                        "localhost"  SHEAF_HOST',
      'flight-port                 5            c.json',
      'http-port                   1            --http-port',
      'no-flight                   false        default',
      'insecure                    false        default',
      'log-level                   "warn"       default',
      'grace-seconds               10           default',
      'query-timeout-seconds       3600         default',
      'slow-query-ms               0            default',
      'snapshot-retention-seconds  3600         default',
      'scrub-mib-per-second        16           default',
      'allow-origin                []           default',
      'copy-dir                    ""           default',
      'auth                        "auto"       default',
      'tls-cert                    ""           default',
      'tls-key                     ""           default',
      'tls-client-ca               ""           default',
      'url                         ""           default',
      'token                       ""           default',
      'token-file                  ""           default',
      'tls-ca                      ""           default',
      '',
    ].join('\n'),
  );
});

test('loopback addresses are told from others', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.8.7', '::1']) assert.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example', 'example.org'])
    assert.equal(isLoopback(host), false, host);
});

test('a token is never shown, whatever its source', async (t) => {
  withEnvironment(t, { SHEAF_TOKEN: 'sheaf_secret' });
  assert.match(await describeSettings({}, noFile), /^token +\(not shown\) +SHEAF_TOKEN$/m);
  const message = await refusal(resolveSettings({ token: { sheaf: 'secret' } }, noFile));
  assert.equal(message, 'token is something else (from --token); expected a token');
});

test('the doors are shut where other machines can reach them, unless that is meant', async () => {
  const policy = async (flags: Flags): Promise<unknown> => {
    return resolveSettings(flags, noFile)
      .then(doorPolicy)
      .catch((error: unknown) => (error instanceof UsageError ? 'refused' : error));
  };
  const tls = { tlsCert: 'c', tlsKey: 'k' };
  const remote = { host: '0.0.0.0' };
  assert.deepEqual(await policy({}), { isTls: false, isGuarded: false });
  assert.deepEqual(await policy({ auth: 'required' }), { isTls: false, isGuarded: true });
  assert.deepEqual(await policy(tls), { isTls: true, isGuarded: false });
  assert.deepEqual(await policy({ ...tls, tlsClientCa: 'a' }), { isTls: true, isGuarded: true });
  assert.deepEqual(await policy({ ...tls, ...remote }), { isTls: true, isGuarded: true });
  assert.deepEqual(await policy({ ...remote, insecure: true }), { isTls: false, isGuarded: false });
  assert.deepEqual(await policy({ ...remote, insecure: true, auth: 'required' }), { isTls: false, isGuarded: true });
  for (const flags of [
    remote,
    { ...remote, auth: 'required' },
    { ...remote, ...tls, auth: 'off' },
    { tlsKey: 'k' },
  ]) {
    assert.equal(await policy(flags), 'refused', JSON.stringify(flags));
  }
});
