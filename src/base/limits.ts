/**
 * Every bound of the product, in one place.
 *
 * Units are last in the names. A test (tidy) keeps numbers of this kind out of other files. Whoever changes a bound that a
 * user can meet also changes docs/limits.md.
 */
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Rows of a stored record batch: one batch is one morsel, one zone map entry, one wire message. */
export const BATCH_ROWS_MAX = 64 * KIB;
/** Body bytes of a stored record batch, aimed at; a single row may exceed it up to ROW_BYTES_MAX. */
export const BATCH_BYTES_MAX = 2 * MIB;
/** Body bytes of one single row, or of one dictionary, that is accepted on the way in. */
export const ROW_BYTES_MAX = 64 * MIB;
/** A message on the wire stays below gRPC's default receive limit of 4 MiB, unless one single row is larger. */
export const WIRE_MESSAGE_BYTES_MAX = 4 * MIB;
/** Bytes of one message received over Flight or HTTP; below 2 GiB, the protobuf limit. */
export const RECEIVE_MESSAGE_BYTES_MAX = 1536 * MIB;
/** Bytes of all messages being received at one time in the whole process. */
export const RECEIVE_BUDGET_BYTES_MAX = 4 * GIB;
/** Bytes of one segment file; mmap-io 1.4.3 counts in signed 32 bits. */
export const SEGMENT_BYTES_MAX = 1 * GIB;
/** Bytes from which a put stream gets private segments instead of a share of the active one. */
export const PRIVATE_SEGMENT_BYTES_MIN = 32 * MIB;
/** Milliseconds without a commit after which an active segment is sealed. */
export const SEAL_IDLE_MS = 30_000;
/** Streams waiting in one group commit. */
export const COMMIT_GROUP_STREAMS_MAX = 1_024;
/** Open put streams in the whole process. */
export const PUT_STREAMS_MAX = 1_024;
/** Mapped segments in the process; the kernel's default is 65,530 maps. */
export const SEGMENT_MAPS_MAX = 10_000;
/** Milliseconds for which dropped segments stay on disk so that tickets keep their snapshot. */
export const SNAPSHOT_RETENTION_MS = 60 * 60 * 1_000;
/** Tables in a database. */
export const TABLES_MAX = 100_000;
/** UTF-8 bytes of a table's or column's name. */
export const NAME_BYTES_MAX = 255;
/** Columns of a table, nested children included. */
export const COLUMNS_MAX = 10_000;
/** Depth of nested types. */
export const TYPE_DEPTH_MAX = 64;
/** Bytes of an encapsulated message's flatbuffer header. */
export const MESSAGE_HEADER_BYTES_MAX = 16 * MIB;
/** Ratio of decompressed to compressed bytes above which a compressed buffer is refused. */
export const DECOMPRESSION_RATIO_MAX = 1_024;
/** UTF-16 code units of an SQL text. */
export const SQL_LENGTH_MAX = 1 * MIB;
/** Depth of nested expressions in SQL. */
export const SQL_DEPTH_MAX = 250;
/** Milliseconds that a ticket made by GetFlightInfo stays valid. */
export const TICKET_LIFE_MS = 15 * 60 * 1_000;
/** Bytes of one kept result in memory, before it goes to a spool file. */
export const RESULT_MEMORY_BYTES_MAX = 16 * MIB;
/** Bytes of all kept results in memory. */
export const RESULT_MEMORY_TOTAL_BYTES_MAX = 256 * MIB;
/** Bytes of one kept result in a spool file; past it only the count is kept. */
export const RESULT_SPOOL_BYTES_MAX = 2 * GIB;
/** Kept results at one time. */
export const RESULTS_MAX = 1_000;
/** Groups of one aggregate. */
export const GROUPS_MAX = 16_000_000;
/** Bytes that sort, aggregate and the like may hold for one query until spill exists. */
export const QUERY_MEMORY_BYTES_MAX = 2 * GIB;
/** Queries running at one time; more wait. */
export const QUERIES_RUNNING_MAX = 64;
/** Queries waiting at one time; more are told `busy`. */
export const QUERIES_WAITING_MAX = 1_024;
/** Bytes of an HTTP request body that holds SQL. */
export const HTTP_SQL_BODY_BYTES_MAX = 4 * MIB;
/** HTTP/2 receive window of one Flight call. */
export const FLIGHT_STREAM_WINDOW_BYTES = 16 * MIB;
/** HTTP/2 receive window of one Flight connection. */
export const FLIGHT_SESSION_WINDOW_BYTES = 64 * MIB;
/** Bytes of an action's body. */
export const ACTION_BODY_BYTES_MAX = 1 * MIB;
