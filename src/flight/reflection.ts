/**
 * gRPC's server reflection: tools such as grpcurl learn the services and messages from the server itself.
 *
 * Hides descriptors: those that proto-loader makes lack the names of the files and what they
 * import, and name the entries of maps in its own way. Invariant: one
 * response for each request, and none is read before the one before is sent. Source: gRPC, "Server reflection".
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { CallScope } from './call.ts';
import { finish } from './handlers.ts';
import type { Service } from './handlers.ts';
import { openInbox, sendMessage } from './lane.ts';
import { fileDescriptors, serviceOf } from './message.ts';

interface Request {
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
  readonly list_services?: string;
}

interface File {
  readonly name: string;
  readonly packageName: string;
  readonly bytes: Buffer;
}

const REFLECTION = 'grpc.reflection.v1.ServerReflection';
/** What it was called before; the messages are the same, and some tools know no other. */
const REFLECTION_BEFORE = 'grpc.reflection.v1alpha.ServerReflection';
const TIMESTAMP = 'google/protobuf/timestamp.proto';

/** What the files are called, by their packages. */
const FILE_NAMES: Readonly<Record<string, string>> = {
  'arrow.flight.protocol': 'Flight.proto',
  'arrow.flight.protocol.sql': 'FlightSql.proto',
  'grpc.health.v1': 'grpc/health/v1/health.proto',
  'grpc.reflection.v1': 'grpc/reflection/v1/reflection.proto',
  'google.protobuf': TIMESTAMP,
};

/** gRPC's NOT_FOUND. */
const GRPC_NOT_FOUND = 5;

/** What is mended of a message's descriptor. */
interface MessageDescriptor {
  name: string;
  readonly field?: readonly { readonly name: string; typeName?: string }[];
  readonly nestedType?: readonly MessageDescriptor[];
  readonly options?: { readonly mapEntry?: boolean } | null;
}

interface FileDescriptor {
  name: string;
  dependency?: readonly string[];
  readonly package: string;
  readonly messageType?: readonly MessageDescriptor[];
}

/** The files under their true names, with their imports. */
function readFiles(): readonly File[] {
  const definition = loadSync('google/protobuf/descriptor.proto', { enums: Number, longs: Number, objects: true });
  const type = definition['google.protobuf.FileDescriptorProto'] as MessageTypeDefinition<object, object>;
  return fileDescriptors().map((bytes) => {
    const file = type.deserialize(bytes) as FileDescriptor;
    const name = FILE_NAMES[file.package];
    if (name === undefined) throw new Error(`the package ${file.package} has no file name`);
    file.name = name;
    if (name === 'Flight.proto') file.dependency = [TIMESTAMP];
    file.messageType?.forEach(mendMaps);
    return { name, packageName: file.package, bytes: type.serialize(file) };
  });
}

/** Names the entries of a message's maps as other implementations insist on. */
function mendMaps(message: MessageDescriptor): void {
  for (const nested of message.nestedType ?? []) {
    mendMaps(nested);
    if (nested.options?.mapEntry !== true) continue;
    const field = message.field?.find(({ typeName }) => typeName === nested.name);
    if (field === undefined) throw new Error(`no field of ${message.name} is the map ${nested.name}`);
    nested.name = `_${field.name}`.replaceAll(/_+([a-z])/g, (_, letter: string) => letter.toUpperCase()) + 'Entry';
    field.typeName = nested.name;
  }
}

/** The reflection service, under both of its names; `names`: the services that it tells of, beside itself */
export function reflectionServices(names: readonly string[]): readonly Service[] {
  const definition = serviceOf(REFLECTION);
  const method = definition['ServerReflectionInfo'];
  if (method === undefined) throw new Error('Reflection.proto has no ServerReflectionInfo');
  let files: readonly File[] | undefined;
  const services = [...names, REFLECTION].map((name) => ({ name }));
  const respond = (bytes: Uint8Array): object => {
    const request = method.requestDeserialize(Buffer.from(bytes)) as Request;
    files ??= readFiles();
    const answer = request.list_services === undefined ? describe(files, request) : { service: services };
    const kind = 'service' in answer ? 'list_services_response' : 'file_descriptor_response';
    return { original_request: request, ...('error_response' in answer ? answer : { [kind]: answer }) };
  };
  const handlers = {
    ServerReflectionInfo: (call: ServerDuplexStream<Uint8Array, object>) => {
      const scope = new CallScope('ServerReflectionInfo', call);
      const inbox = openInbox(call, scope.signal);
      finish(call, scope, async () => {
        try {
          for (let received = await inbox.next(); received !== undefined; received = await inbox.next()) {
            const response = respond(received.bytes);
            received.release();
            await sendMessage(call, response, scope.signal);
          }
        } finally {
          inbox.close();
        }
      });
    },
  };
  const asIs = (bytes: Buffer): Buffer => bytes;
  return [REFLECTION, REFLECTION_BEFORE].map((name) => {
    const path = `/${name}/ServerReflectionInfo`;
    return { definition: { ServerReflectionInfo: { ...method, path, requestDeserialize: asIs } }, handlers };
  });
}

/** The file that is asked for, with all others that it may import behind it. */
function describe(files: readonly File[], request: Request): object {
  const { file_by_filename: name, file_containing_symbol: symbol } = request;
  const found = files
    .filter((file) => file.name === name || symbol?.startsWith(`${file.packageName}.`) === true)
    // Of nested packages the inner one.
    .toSorted((a, b) => b.packageName.length - a.packageName.length)[0];
  if (found === undefined) {
    const message = `there is no ${JSON.stringify((name ?? symbol ?? 'extension').slice(0, 100))}`;
    return { error_response: { error_code: GRPC_NOT_FOUND, error_message: message } };
  }
  const rest = files.filter((file) => file !== found && file.name === TIMESTAMP);
  return { file_descriptor_proto: [found, ...rest].map(({ bytes }) => bytes) };
}
