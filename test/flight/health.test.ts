/**
 * Goal: probes, balancers and tools that know gRPC alone get answers: health checks, and reflection.
 *
 * Method: grpc-js clients with the messages of the proto files; descriptors are read back by protobufjs's own schema.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import type { ClientReadableStream, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { serviceOf } from '../../src/flight/message.ts';
import { startFlightServer } from '../../src/flight/server.ts';
import { FakeEngine } from '../support/fake-engine.ts';

const HEALTH = 'grpc.health.v1.Health';
const FLIGHT = 'arrow.flight.protocol.FlightService';

class DrainingEngine extends FakeEngine {
  isDraining = false;

  override status(): ReturnType<FakeEngine['status']> {
    return { ...super.status(), draining: this.isDraining };
  }
}

async function serve(t: TestContext): Promise<{ engine: DrainingEngine; client: Client }> {
  const engine = new DrainingEngine();
  const door = await startFlightServer(engine, { host: '127.0.0.1', port: 0 });
  const client = new Client(door.address, credentials.createInsecure());
  t.after(async () => {
    client.close();
    await door.close(0);
  });
  return { engine, client };
}

function methodOf(service: ServiceDefinition, name: string): ServiceDefinition[string] {
  const method = service[name];
  assert.ok(method !== undefined);
  return method;
}

/** The status of a check, or the error's details. */
function check(client: Client, service: string): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = methodOf(serviceOf(HEALTH), 'Check');
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, answer) => {
      resolve(error === null ? (answer as { readonly status: number }).status : [error.code, error.details]);
    });
  });
}

test('a check says whether the server takes work, by the names of its services', async (t) => {
  const { engine, client } = await serve(t);
  assert.equal(await check(client, ''), 1);
  assert.equal(await check(client, FLIGHT), 1);
  assert.deepEqual(await check(client, 'other'), [5, `not_found: there is no service "other"; there are ${FLIGHT}`]);
  engine.isDraining = true;
  assert.equal(await check(client, ''), 2);
});

test('a watch tells the state, then its change, and ends', async (t) => {
  const { engine, client } = await serve(t);
  const { path, requestSerialize, responseDeserialize } = methodOf(serviceOf(HEALTH), 'Watch');
  const watch = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
    service: '',
  }) as ClientReadableStream<{ readonly status: number }>;
  const seen: number[] = [];
  for await (const { status } of watch as AsyncIterable<{ readonly status: number }>) {
    seen.push(status);
    engine.isDraining = true;
  }
  assert.deepEqual(seen, [1, 2]);
});

interface Reflected {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
  readonly error_response?: { readonly error_code: number; readonly error_message: string };
}

async function reflect(client: Client, requests: readonly object[]): Promise<readonly Reflected[]> {
  const { path, requestSerialize, responseDeserialize } = methodOf(
    serviceOf('grpc.reflection.v1.ServerReflection'),
    'ServerReflectionInfo',
  );
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  for (const request of requests) call.write(request);
  call.end();
  const responses: Reflected[] = [];
  for await (const response of call as AsyncIterable<Reflected>) responses.push(response);
  return responses;
}

interface FileDescriptor {
  readonly name: string;
  readonly dependency: readonly string[];
  readonly messageType: readonly {
    readonly name: string;
    readonly nestedType: readonly { readonly name: string }[];
  }[];
}

test('reflection lists the services, and gives each file by name and by symbol', async (t) => {
  const { client } = await serve(t);
  const [list, flight, sql, byName, missing] = await reflect(client, [
    { list_services: '' },
    { file_containing_symbol: FLIGHT },
    { file_containing_symbol: 'arrow.flight.protocol.sql.CommandGetTables' },
    { file_by_filename: 'google/protobuf/timestamp.proto' },
    { file_by_filename: 'absent.proto' },
  ]);
  assert.deepEqual(
    list?.list_services_response?.service.map(({ name }) => name),
    [FLIGHT, HEALTH, 'grpc.reflection.v1.ServerReflection'],
  );
  const types = loadSync('google/protobuf/descriptor.proto', { objects: true, defaults: true, arrays: true });
  const type = types['google.protobuf.FileDescriptorProto'] as MessageTypeDefinition<object, FileDescriptor>;
  const filesOf = (response: Reflected | undefined): readonly FileDescriptor[] =>
    (response?.file_descriptor_response?.file_descriptor_proto ?? []).map((bytes) => type.deserialize(bytes));
  assert.deepEqual(
    filesOf(flight).map(({ name }) => name),
    ['Flight.proto', 'google/protobuf/timestamp.proto'],
  );
  const [file] = filesOf(flight);
  assert.deepEqual(file?.dependency, ['google/protobuf/timestamp.proto']);
  const set = file.messageType.find(({ name }) => name === 'SetSessionOptionsRequest');
  assert.deepEqual(
    set?.nestedType.map(({ name }) => name),
    ['SessionOptionsEntry'],
  );
  assert.equal(filesOf(sql)[0]?.name, 'FlightSql.proto');
  assert.equal(filesOf(byName)[0]?.name, 'google/protobuf/timestamp.proto');
  assert.deepEqual(missing?.error_response, { error_code: 5, error_message: 'there is no "absent.proto"' });
});
