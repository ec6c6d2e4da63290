/**
 * The messages of Flight and Flight SQL as types, field by field as the proto files have them.
 *
 * Hides nothing. Invariant: a field that is declared `optional` there may be undefined here.
 */
import type { FlightDescriptor } from './encode.ts';

interface Query {
  readonly query: string;
  readonly transaction_id?: Uint8Array;
}

interface Handle {
  readonly prepared_statement_handle: Uint8Array;
}

interface TableName {
  readonly catalog?: string;
  readonly db_schema?: string;
  readonly table: string;
}

/** Nothing but its name. */
type Empty = Readonly<Record<string, never>>;

/** Seconds and nanoseconds since 1970. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface FlightEndpoint {
  readonly ticket: { readonly ticket: Uint8Array };
  readonly location: readonly { readonly uri: string }[];
  readonly expiration_time: Timestamp | null;
  readonly app_metadata?: Uint8Array;
}

export interface FlightInfo {
  /** An encapsulated message. */
  readonly schema: Uint8Array;
  readonly flight_descriptor: FlightDescriptor | null;
  readonly endpoint: readonly FlightEndpoint[];
  /** -1 when not known. */
  readonly total_records: number;
  /** -1 when not known. */
  readonly total_bytes: number;
  readonly ordered: boolean;
  readonly app_metadata?: Uint8Array;
}

/** One of them is there; none means that the option is to have its default. */
export interface SessionOptionValue {
  readonly string_value?: string;
  readonly bool_value?: boolean;
  readonly int64_value?: number;
  readonly double_value?: number;
  readonly string_list_value?: { readonly values: readonly string[] };
}

export interface PollInfo {
  readonly info: FlightInfo;
  /** To poll again with; null when the query has ended. */
  readonly flight_descriptor: FlightDescriptor | null;
  /** Between 0 and 1. */
  readonly progress?: number;
  readonly expiration_time: Timestamp | null;
}

/** What each option of an ingest is about: 0 is the protocol's default. */
export interface TableDefinitionOptions {
  /** 1 create, 2 fail. */
  readonly if_not_exist: number;
  /** 1 fail, 2 append, 3 replace. */
  readonly if_exists: number;
}

/** One number, that of a constant of the protocol. */
type Status<Field extends string> = Readonly<Record<Field, number>>;

/** Every message that is read or written by name. */
export interface MessageTypes {
  readonly FlightDescriptor: FlightDescriptor;
  readonly FlightInfo: FlightInfo;
  readonly SchemaResult: { readonly schema: Uint8Array };
  readonly Ticket: { readonly ticket: Uint8Array };
  readonly Action: { readonly type: string; readonly body: Uint8Array };
  readonly Result: { readonly body: Uint8Array };
  readonly PutResult: { readonly app_metadata: Uint8Array };
  readonly Packed: { readonly type_url: string; readonly value: Uint8Array };
  readonly FlightEndpoint: FlightEndpoint;
  readonly PollInfo: PollInfo;
  readonly ActionType: { readonly type: string; readonly description: string };
  readonly CommandGetSqlInfo: { readonly info: readonly number[] };
  readonly CommandGetXdbcTypeInfo: { readonly data_type?: number };
  readonly CommandGetCatalogs: Empty;
  readonly CommandGetDbSchemas: { readonly catalog?: string; readonly db_schema_filter_pattern?: string };
  readonly CommandGetTables: {
    readonly catalog?: string;
    readonly db_schema_filter_pattern?: string;
    readonly table_name_filter_pattern?: string;
    readonly table_types: readonly string[];
    readonly include_schema: boolean;
  };
  readonly CommandGetTableTypes: Empty;
  readonly CommandGetPrimaryKeys: TableName;
  readonly CommandGetExportedKeys: TableName;
  readonly CommandGetImportedKeys: TableName;
  readonly CommandGetCrossReference: {
    readonly pk_catalog?: string;
    readonly pk_db_schema?: string;
    readonly pk_table: string;
    readonly fk_catalog?: string;
    readonly fk_db_schema?: string;
    readonly fk_table: string;
  };
  readonly CommandStatementQuery: Query;
  readonly CommandStatementUpdate: Query;
  readonly CommandStatementSubstraitPlan: { readonly transaction_id?: Uint8Array };
  readonly TicketStatementQuery: { readonly statement_handle: Uint8Array };
  readonly CommandPreparedStatementQuery: Handle;
  readonly CommandPreparedStatementUpdate: Handle;
  readonly CommandStatementIngest: {
    readonly table_definition_options: TableDefinitionOptions | null;
    readonly table: string;
    readonly schema?: string;
    readonly catalog?: string;
    readonly temporary: boolean;
    readonly transaction_id?: Uint8Array;
    readonly options: Readonly<Record<string, string>>;
  };
  readonly DoPutUpdateResult: { readonly record_count: number };
  readonly DoPutPreparedStatementResult: { readonly prepared_statement_handle?: Uint8Array };
  readonly ActionCreatePreparedStatementRequest: Query;
  readonly ActionCreatePreparedSubstraitPlanRequest: { readonly transaction_id?: Uint8Array };
  readonly ActionCreatePreparedStatementResult: {
    readonly prepared_statement_handle: Uint8Array;
    readonly dataset_schema: Uint8Array;
    readonly parameter_schema: Uint8Array;
  };
  readonly ActionClosePreparedStatementRequest: Handle;
  /** `info`: a FlightInfo. */
  readonly ActionCancelQueryRequest: { readonly info: Uint8Array };
  readonly ActionCancelQueryResult: Status<'result'>;
  readonly CancelFlightInfoResult: Status<'status'>;
  readonly CancelFlightInfoRequest: { readonly info: FlightInfo | null };
  readonly RenewFlightEndpointRequest: { readonly endpoint: FlightEndpoint | null };
  readonly SetSessionOptionsRequest: { readonly session_options: Readonly<Record<string, SessionOptionValue>> };
  readonly SetSessionOptionsResult: { readonly errors: Readonly<Record<string, { readonly value: number }>> };
  readonly GetSessionOptionsResult: { readonly session_options: Readonly<Record<string, SessionOptionValue>> };
  readonly CloseSessionResult: Status<'status'>;
}
