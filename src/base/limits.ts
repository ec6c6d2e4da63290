/**
 * Every bound of the product, in one place.
 *
 * Units are last in the names. A test (tidy) keeps numbers of this kind out of other files. Whoever changes a bound
 * that a user can meet also changes docs/limits.md.
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
/** Bytes of text that a function makes of one batch. */
export const TEXT_RESULT_BYTES_MAX = 512 * MIB;
/** Characters compared with characters by an edit distance or a similarity of two texts. */
export const TEXT_DISTANCE_STEPS_MAX = 100_000_000;
/** Instructions of a compiled regular expression. */
export const PATTERN_SIZE_MAX = 50_000;
/** Steps that regular expressions take over one batch: instructions visited, some ten seconds of work. */
export const PATTERN_STEPS_MAX = 500_000_000;
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
/** Segments that are held mapped; beyond it, those unused the longest are let go of. */
export const SEGMENT_MAPS_MAX = 10_000;
/** Maps of a thread with those that were let go of and not collected yet; the kernel's default is 65,530 of a process. */
export const LIVE_MAPS_MAX = 40_000;
/** Maps, beyond twice those that were left by the last collection, at which what was let go of is collected. */
export const MAPS_COLLECT_MIN = 2_000;
/** Milliseconds for which dropped segments stay on disk so that tickets keep their snapshot. */
export const SNAPSHOT_RETENTION_MS = 60 * 60 * 1_000;
/** Tables in a database. */
export const TABLES_MAX = 100_000;
/** UTF-8 bytes of a table's or column's name. */
export const NAME_BYTES_MAX = 255;
/** Columns of a table, nested children included, or of a query's result. */
export const COLUMNS_MAX = 10_000;
/** Depth of nested types. */
export const TYPE_DEPTH_MAX = 64;
/** Bytes of an encapsulated message's flatbuffer header. */
export const MESSAGE_HEADER_BYTES_MAX = 16 * MIB;
/** Ratio of decompressed to compressed bytes above which a message is refused, once it unfolds past the next bound. */
export const DECOMPRESSION_RATIO_MAX = 1_024;
/** Bytes up to which a message may decompress at any ratio: a column of equal values compresses without end. */
export const DECOMPRESSION_FREE_BYTES_MAX = 64 * MIB;
/** Digits by which a decimal's scale may move its point, either way. */
export const DECIMAL_SCALE_MAX = 1_024;
/** Rows of one message, children's rows too; vectors count in signed 32 bits. */
export const MESSAGE_ROWS_MAX = 2_147_483_647;
/** UTF-16 code units of an SQL text. */
export const SQL_LENGTH_MAX = 1 * MIB;
/** Parameters of one statement. */
export const PARAMETERS_MAX = 65_535;
/** Statements that one session keeps by PREPARE. */
export const SESSION_STATEMENTS_MAX = 1_000;
/** Queries sent as text that are remembered, with their plans when they come again. */
export const STATEMENTS_CACHED_MAX = 256;
/** UTF-16 code units of a text that is remembered. */
export const STATEMENT_CACHED_LENGTH_MAX = 4_096;
/** Bytes of the constants in a plan that is kept. */
export const PLAN_KEPT_BYTES_MAX = 256 * KIB;
/** Directories of COPY that are remembered to hold nothing of a process that was killed. */
export const COPY_FOLDERS_CLEAN_MAX = 1_000;
/** Depth of nested expressions in SQL. */
export const SQL_DEPTH_MAX = 250;
/** Views that stand on one another. */
export const VIEW_DEPTH_MAX = 32;
/** Nodes of the bound expressions of one statement, each use of an alias counted in full. */
export const SQL_NODES_MAX = 600_000;
/** Values that a function puts into the lists of one batch. */
export const LIST_VALUES_MAX = 64_000_000;
/** Values of a list that list_reduce takes. */
export const LIST_REDUCE_STEPS_MAX = 100_000;
/** Values of each list of an ARRAY type in SQL, as in DuckDB. */
export const ARRAY_SIZE_MAX = 100_000;
/** UTF-16 code units of the offending line that an SQL error shows. */
export const SQL_FRAME_CHARS_MAX = 120;
/** Milliseconds that a ticket made by GetFlightInfo stays valid. */
export const TICKET_LIFE_MS = 15 * 60 * 1_000;
/** Endpoints of one answer that a client can ask for; more are taken for so many. */
export const ENDPOINTS_MAX = 256;
/** Base64 characters of parameters' values in a ticket; with longer ones the query runs before its ticket is made. */
export const TICKET_VALUES_BYTES_MAX = 65_536;
/** Bytes of one kept result in memory, before it goes to a spool file. */
export const RESULT_MEMORY_BYTES_MAX = 16 * MIB;
/** Bytes of all kept results in memory. */
export const RESULT_MEMORY_TOTAL_BYTES_MAX = 256 * MIB;
/** Bytes of one kept result in a spool file; past it only the count is kept. */
export const RESULT_SPOOL_BYTES_MAX = 2 * GIB;
/** Kept results at one time. */
export const RESULTS_MAX = 1_000;
/** Rows that `max(x, n)` and its kin keep of a group, as in DuckDB. */
export const RANKED_ROWS_MAX = 999_999;
/** Sets that GROUPING SETS, ROLLUP and CUBE of one query make. */
export const GROUPING_SETS_MAX = 4_096;
/** Milliseconds that a query computes before it lets the event loop serve others. */
export const QUERY_TURN_MS = 10;
/** Rounds of one recursive query. */
export const RECURSION_ROUNDS_MAX = 1_000_000;
/** Moments of one range whose steps are months. */
export const RANGE_MONTHS_MAX = 10_000_000;
/** Groups of one aggregate. */
export const GROUPS_MAX = 16_000_000;
/** Bytes that sort, aggregate and the like may hold for one query until spill exists. */
export const QUERY_MEMORY_BYTES_MAX = 2 * GIB;
/** Modules of generated code that are kept, by query shape. */
export const CODE_MODULES_MAX = 256;
/** Bytes of the memories of generated code that are kept for the next query of their shape. */
export const CODE_MEMORY_KEPT_BYTES_MAX = 16 * MIB;
/** Nodes of the expressions of one pipeline that is compiled; larger ones are interpreted. */
export const CODE_NODES_MAX = 500;
/** Rows that generated code takes at a time: its columns should stay in the cache. */
export const CODE_BLOCK_ROWS = 4_096;
/** Bytes of text up to which it is copied word by word; the runtime copies more at once. */
export const WORD_COPY_BYTES_MAX = 64;
/** Rows of a long computation after which others may have the event loop. */
export const WORK_ROWS = 65_536;
/** Bytes of a constant that generated code compares text with. */
export const CODE_TEXT_BYTES_MAX = 32;
/** Constants that generated code compares one text with. */
export const CODE_TEXT_VALUES_MAX = 8;
/** Bytes of text that are brought into the memory of generated code at once, unless eight rows have more. */
export const CODE_TEXT_BLOCK_BYTES = 1_048_576;
/** Rows that a pipeline's source must have before it is compiled rather than interpreted. */
export const CODE_SOURCE_ROWS_MIN = 10_000;
/** Integers of one key of groups that lie at most so far apart are counted from the least, without a hash. */
export const CODE_DIRECT_FREE = 65_536;
/** The same, for each group that there is. */
export const CODE_DIRECT_PER_GROUP = 8;
/** Integers that are no farther from 0 can be keys by their distance: they and their distances are exact as doubles. */
export const RANGE_KEY_MAX = 2 ** 52;
/** Numbers that there may be for each row when keys are numbered by distance. */
export const RANGE_KEYS_PER_ROW = 4;
/** Numbers that there may be at most when keys are numbered by distance. */
export const RANGE_KEYS_MAX = 2 ** 31;
/** Numbers that there may be besides, so that few rows need no hash table either. */
export const RANGE_KEYS_FREE = 1_024;
/** Bits of the set of keys that a join tells what it reads, for each row that it holds. */
export const KEY_SET_BITS_PER_ROW = 64;
/** Bits that such a set may have however few rows there are: they stay in a processor's cache. */
export const KEY_SET_BITS_FREE = 2 ** 23;
/** Bits that such a set has at most. */
export const KEY_SET_BITS_MAX = 2 ** 28;
/** Batches after which it is known whether a set of keys leaves rows out. */
export const KEY_FILTER_BATCHES_TRIED = 4;
/** The share of rows above which keeping them is not worth asking. */
export const KEY_FILTER_SHARE_MAX = 0.8;
/** The share of a batch's rows above which those that a top-N may want are not picked out where they come from. */
export const BOUND_FILTER_SHARE_MAX = 0.5;
/** Rows of the first batch, beside those that are wanted, by which a top-N leaves out others of that batch. */
export const TOP_ROWS_HEAD = 1_024;
/** Rows that a top-N holds, beside those that are wanted, before it sorts them. */
export const TOP_ROWS_SPARE = 16;
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
/** Bytes of all kept results' spool files. */
export const RESULT_SPOOL_TOTAL_BYTES_MAX = 8 * GIB;
/** Milliseconds that running work gets at a stop (SIGTERM), unless `--grace-seconds` says otherwise. */
export const DRAIN_GRACE_MS = 10_000;
/**
 * Milliseconds within which a second stop signal is taken for an echo of the first (npm passes on what a terminal
 * sends to all).
 */
export const SIGNAL_ECHO_MS = 500;
/** Rows of a row group of a Parquet file that is written. */
export const PARQUET_GROUP_ROWS = 122_880;
/** Bytes of such a row group, about, as it is encoded. */
export const PARQUET_GROUP_BYTES = 64 * MIB;
/** Decoded bytes that a Parquet row group is read in at most; larger row groups are read in several steps. */
export const PARQUET_STEP_BYTES_MAX = 128 * MIB;
/** Bytes of a Parquet file's footer. */
export const PARQUET_FOOTER_BYTES_MAX = 256 * MIB;
/** Bytes read at one time from a file that is imported as a stream. */
export const FILE_READ_BYTES = 1 * MIB;
/** Bytes of a configuration file, or of server.json. */
export const SETTINGS_FILE_BYTES_MAX = 1 * MIB;
/** Bytes of an HTTP error body that our client reads. */
export const CLIENT_ERROR_BYTES_MAX = 1 * MIB;
/** Bytes by which a Flight server may run ahead of our client that reads, on each connection. */
export const CLIENT_WINDOW_BYTES = 4 * MIB;
/** Milliseconds between the first two attempts of our Flight client to connect; between later ones it doubles. */
export const CLIENT_RECONNECT_MS = 50;
/** Milliseconds between two attempts of our Flight client to connect. */
export const CLIENT_RECONNECT_MS_MAX = 2_000;
/** Milliseconds without any progress after which an exactly-once ingest of our client gives up, unless told. */
export const CLIENT_PATIENCE_MS = 2 * 60 * 1_000;
/** Batches that an exactly-once ingest of our client holds until they are durable. */
export const CLIENT_UNANSWERED_BATCHES_MAX = 16;
/** Bytes of the batches that an exactly-once ingest of our client holds, beyond which it takes no other. */
export const CLIENT_UNANSWERED_BYTES_MAX = 64 * MIB;
/** Plain objects that our client makes one batch of. */
export const CLIENT_OBJECT_ROWS_MAX = 8_192;
/** Bytes of values of plain objects after which our client begins another batch. */
export const CLIENT_OBJECT_BYTES_MAX = 2 * MIB;
/** Bytes from which written text (JSON, CSV, NDJSON) is handed on; one row may exceed it. */
export const TEXT_PIECE_BYTES = 256 * KIB;
/** Bytes of a CSV or NDJSON input that its delimiter, header and types are guessed from. */
export const SNIFF_BYTES_MAX = 1 * MIB;
/** Bytes of CSV or NDJSON text after which its reader ends a batch early. */
export const READ_BATCH_INPUT_BYTES = 8 * MIB;
/** Rows that a table printed for people shows unless told otherwise. */
export const TABLE_TEXT_ROWS_MAX = 1_000;
/** Columns of the screen that one cell of a table printed for people takes at most. */
export const TABLE_TEXT_CELL_WIDTH_MAX = 60;
/** Bytes of an HTTP request's head; `GET /query?query=` carries its SQL there. */
export const HTTP_HEAD_BYTES_MAX = 64 * KIB;
/** Headers of an HTTP request. */
export const HTTP_HEADERS_MAX = 100;
/** Milliseconds in which an HTTP request's head must arrive. */
export const HTTP_HEAD_MS_MAX = 30_000;
/** Milliseconds that an idle HTTP connection is kept for the next request. */
export const HTTP_KEEP_ALIVE_MS = 65_000;
/** Milliseconds without a byte after which an HTTP upload, or a client that does not read its answer, is given up. */
export const HTTP_STALL_MS_MAX = 5 * 60 * 1_000;
/** Milliseconds for which the rest of a refused upload is still read, so that its sender sees the answer. */
export const HTTP_DISCARD_MS_MAX = 30_000;
/** HTTP connections at one time. */
export const HTTP_CONNECTIONS_MAX = 4_096;
/** Milliseconds of work on one HTTP answer after which other events get their turn. */
export const HTTP_TURN_MS = 8;
/** Parts of one gathering write; the kernel's own bound (IOV_MAX on Linux). */
export const WRITE_PARTS_MAX = 1_024;
/** Bytes of one read call; longer reads are looped. Node refuses 2 GiB and more. */
export const READ_CALL_BYTES_MAX = 1 * GIB;
/** Pages of the catalog's write-ahead log from which on it is checkpointed even under load. */
export const CATALOG_LOG_PAGES_MAX = 4_000;
/** Bytes to which the catalog's write-ahead log file is cut back after a checkpoint. */
export const CATALOG_LOG_FILE_BYTES_MAX = 64 * MIB;
/** Milliseconds without a commit after which the catalog is checkpointed. */
export const CATALOG_CHECKPOINT_IDLE_MS = 1_000;
/** Bytes of a catalog that is checked for damage at every open; a larger one only after a stop that was not clean. */
export const CATALOG_CHECK_BYTES_MAX = 64 * MIB;
/** Milliseconds for which the catalog waits for another program that has locked its file. */
export const CATALOG_BUSY_WAIT_MS = 5_000;
/** Bytes of encoded batches held in memory by all uncommitted streams; past it a stream spills to a private segment. */
export const HELD_BYTES_MAX = 256 * MIB;
/** Bytes gathered for one write to a private segment. */
export const SEGMENT_WRITE_BYTES = 2 * MIB;
/** Bytes of the caller's batch from which it is written at once; less is copied and written with what follows. */
export const SEGMENT_VIEW_WRITE_BYTES = 1 * MIB;
/** Bytes written to a private segment after which the disk is asked to begin with them, while more come. */
export const SEGMENT_SYNC_BYTES = 32 * MIB;
/** Free bytes of the file system below which appends are refused, so that drops and checkpoints still work. */
export const FREE_FLOOR_BYTES = 64 * MIB;
/** The same as a share of what was free at open, for small file systems: the lesser of both counts. */
export const FREE_FLOOR_SHARE = 0.05;
/** Bytes that the floor counts for a commit to one table: rows and log of the catalog, a new directory. */
export const CATALOG_COMMIT_BYTES = 64 * KIB;
/** Bytes of an active segment's end that are read into memory; when more are unmapped the segment is mapped anew. */
export const TAIL_BYTES_MAX = 8 * MIB;
/** Bytes of one read that verifies checksums. */
export const VERIFY_READ_BYTES = 2 * MIB;
/** Such reads under way at one time in one scan. */
export const VERIFY_READS_AHEAD = 3;
/** Bytes that a scan asks the kernel to read ahead of its reader. */
export const READ_AHEAD_BYTES = 8 * MIB;
/** Bytes of one such request. */
export const READ_AHEAD_SLICE_BYTES = 1 * MIB;
/** Milliseconds for which a slice that was asked for is taken to be in memory. */
export const READ_AHEAD_FRESH_MS = 5_000;
/** Bytes of a text's bound in statistics; longer ones are cut, the upper one rounded up. */
export const STATISTICS_TEXT_BYTES_MAX = 32;
/** Bytes verified before serving, after a stop that was not clean; newest first, the rest at first touch. */
export const RECOVERY_VERIFY_BYTES_MAX = 1 * GIB;
/** Files looked at side by side during recovery. */
export const RECOVERY_PARALLEL_MAX = 64;
/** Milliseconds between looks for idle segments to seal and retired ones to unlink. */
export const STORAGE_SWEEP_MS = 5_000;
/** Milliseconds between two lines of progress on a terminal. */
export const PROGRESS_TERMINAL_MS = 100;
/** Milliseconds between two lines of progress in a log. */
export const PROGRESS_LOG_MS = 3_000;
/** Bytes of one Flight request other than a put's messages. */
export const FLIGHT_REQUEST_BYTES_MAX = 4 * MIB;
/**
 * Bytes given to a Flight connection in one write; a cold mapped page stalls the event loop for no longer than these
 * take.
 */
export const FLIGHT_SLICE_BYTES_MAX = 2 * MIB;
/** Messages with a smaller body are sent as one buffer: copying them costs less than writing their parts. */
export const FLIGHT_JOIN_BYTES_MAX = 16 * KIB;
/** Calls open at one time on one Flight connection. */
export const FLIGHT_CONNECTION_CALLS_MAX = 1_024;
/** Flight connections whose receive windows are raised at one time; later ones keep HTTP/2's 64 KiB. */
export const FLIGHT_RAISED_SESSIONS_MAX = 64;
/** Milliseconds of silence after which a Flight connection is asked whether it lives. */
export const FLIGHT_KEEPALIVE_MS = 60_000;
/** Milliseconds for the answer to that. */
export const FLIGHT_KEEPALIVE_TIMEOUT_MS = 20_000;
/** Milliseconds until the watch of a health check learns of a change. */
export const HEALTH_WATCH_MS = 1_000;
/**
 * UTF-8 bytes of an error's message in a gRPC status; clients refuse trailers above 8 KiB, percent-encoding triples
 * them.
 */
export const STATUS_MESSAGE_BYTES_MAX = 2 * KIB;
/** Bytes of a failed put that are read and thrown away so that the client learns its true status. */
export const PUT_DRAIN_BYTES_MAX = 2 * GIB;
/** Milliseconds for the same. */
export const PUT_DRAIN_MS_MAX = 30_000;
/** Bytes of used receive memory that are kept for the next messages. */
export const RECEIVE_SPARE_BYTES_MAX = 32 * MIB;
/** HTTP/2 frame size that a Flight client may use towards us, once it puts. */
export const FLIGHT_FRAME_BYTES = 256 * KIB;
/** Time zones whose offsets are kept; there are some 600 names. */
export const ZONES_CACHED_MAX = 1_000;
/** Prepared statements that have a handle; with more, the one that was idle longest goes. */
export const PREPARED_STATEMENTS_MAX = 10_000;
/** Milliseconds after which an idle prepared statement may be forgotten. */
export const PREPARED_IDLE_MS_MAX = 60 * 60 * 1_000;
/** Bytes of values that are bound to prepared statements, all of them together. */
export const BOUND_VALUES_BYTES_MAX = 256 * 2 ** 20;
/** Bytes of the schemas that one GetTables answers. */
export const SQL_METADATA_BYTES_MAX = 64 * MIB;
/** UTF-16 code units of the statements that one session keeps by PREPARE. */
export const SESSION_TEXT_LENGTH_MAX = 4 * MIB;
/** Flight sessions of one principal; with more, the one that was idle longest ends. */
export const SESSIONS_PER_PRINCIPAL_MAX = 1_000;
/** Flight sessions in all; with more, the one that was idle longest ends. */
export const SESSIONS_MAX = 10_000;
/** Milliseconds after which an idle Flight session ends. */
export const SESSION_IDLE_MS_MAX = 60 * 60 * 1_000;
/** Queries that PollFlightInfo has begun and whose outcome is kept; with more, those that ended longest ago go. */
export const POLLS_MAX = 1_000;
/** Milliseconds within which a poll must be followed by the next, or its query is cancelled and its outcome forgotten. */
export const POLL_IDLE_MS_MAX = 5 * 60 * 1_000;
/** Milliseconds that PollFlightInfo waits for the end of its query before it answers with how far that is. */
export const POLL_WAIT_MS = 500;
/** Milliseconds without a batch after which a DoGet sends an empty one, since proxies cut calls that are silent. */
export const FLIGHT_SILENCE_MS_MAX = 10_000;
/** Bytes of the table that a client sends with a DoExchange. */
export const EXCHANGE_INPUT_BYTES_MAX = 256 * MIB;
/** Cancelled tickets that are remembered until they expire. */
export const TICKETS_CANCELLED_MAX = 10_000;
/** Bytes of one read of a segment that is compacted or scrubbed. */
export const SCAN_READ_BYTES = 2 * MIB;
/** Milliseconds of work of the maintenance thread between two rests. */
export const MAINTENANCE_SLICE_MS = 20;
/** Milliseconds that compaction rests for each one it works, while puts or queries run. */
export const COMPACTION_REST_RATIO = 3;
/** Milliseconds between two looks at whether puts or queries run. */
export const COMPACTION_LOAD_CHECK_MS = 100;
/** Neighbouring segments of about one size that are worth merging. */
export const COMPACTION_SEGMENTS_MIN = 4;
/** Segments that one compaction merges. */
export const COMPACTION_SEGMENTS_MAX = 1_024;
/** Bytes of the segments that one compaction merges, unless two alone exceed it. */
export const COMPACTION_BYTES_MAX = 1 * GIB;
/** Bytes of a segment from which on it is left as it is, unless its batches are small. */
export const COMPACTION_FULL_BYTES = 512 * MIB;
/** Bytes that a segment counts for at least, when it is decided what to merge. */
export const SEGMENT_WEIGHT_BYTES_MIN = 64 * KIB;
/** How many times more batches than needed a segment has before it is rewritten for that alone. */
export const COMPACTION_BATCH_EXCESS = 4;
/** Messages of an active segment after which it is sealed, so that its small batches can be merged. */
export const ACTIVE_MESSAGES_MAX = 16_384;
/** Idempotency keys that are kept. */
export const IDEMPOTENCY_KEYS_MAX = 1_000_000;
/** Milliseconds that an idempotency key is kept. */
export const IDEMPOTENCY_KEY_LIFE_MS = 24 * 60 * 60 * 1_000;
/** Rows of the catalog that one slice of housekeeping deletes. */
export const CATALOG_FORGET_ROWS = 10_000;
/** Milliseconds between two rounds of housekeeping: old commits, old keys, retention. */
export const HOUSEKEEPING_MS = 10_000;
/** Bytes that the background scrub reads a second. */
export const SCRUB_BYTES_PER_SECOND = 16 * MIB;
/** Bytes that the scrub reads between two rests. */
export const SCRUB_SLICE_BYTES = 32 * MIB;
/** Milliseconds between the ends and the beginnings of two scrubs. */
export const SCRUB_PAUSE_MS = 24 * 60 * 60 * 1_000;
/** Snapshots that SHOW SNAPSHOTS lists at most: the newest. */
export const SNAPSHOTS_LISTED_MAX = 100_000;
/** Rows of a system table; one that would have more is refused. */
export const SYSTEM_ROWS_MAX = 1_000_000;
/** Statements that have ended and that sheaf_queries still shows: the newest. */
export const QUERIES_REMEMBERED_MAX = 256;
/** Characters of a statement's text, and of its error, that sheaf_queries shows. */
export const QUERY_TEXT_LENGTH_MAX = 4_096;
/** Characters of a slow statement's text in the log. */
export const QUERY_LOGGED_LENGTH_MAX = 200;
/** Syncs that `sheaf doctor` times. */
export const DOCTOR_SYNCS = 20;
/** Bytes before each of them. */
export const DOCTOR_SYNC_BYTES = 64 * KIB;
/** Milliseconds of a sync above which it warns. */
export const DOCTOR_SYNC_MS_MAX = 20;
/** Free bytes below which it warns. */
export const DOCTOR_FREE_BYTES_MIN = 4 * GIB;
/** Descriptors below which it warns. */
export const DOCTOR_DESCRIPTORS_MIN = 65_536;
/** Maps of one process below which it warns: Linux's default. */
export const DOCTOR_MAPS_MIN = 65_530;
/** Seconds after which a statement is ended unless a setting says otherwise. */
export const QUERY_TIMEOUT_SECONDS = 3_600;
/** The most that this setting takes. */
export const QUERY_TIMEOUT_SECONDS_MAX = 1_000_000;
/** Milliseconds between two copies of the catalog, for a repair. */
export const CATALOG_COPY_MS = 60 * 60 * 1_000;
/** Results kept for each producer in each table: a repetition of one of them is compared by content and answered. */
export const PRODUCER_RESULTS_KEPT = 1_000;
/** UTF-8 bytes of a producer's name, and characters of an idempotency key. */
export const PRODUCER_NAME_BYTES_MAX = 255;
/** Bytes of an app_metadata that is looked at for a producer. */
export const PRODUCER_METADATA_BYTES_MAX = 4 * KIB;
/** Batches of one Flight call, each an append of its own, whose results the client has not been sent. */
export const PRODUCER_BATCHES_IN_FLIGHT_MAX = 16;
/** Milliseconds for which a client may leave its results unread while it sends batches, before its call is ended. */
export const PRODUCER_RESULT_STALL_MS_MAX = 2 * 60 * 1_000;
/** Bytes of one column's part of a small append that are gathered for its checksum, instead of hashed apart. */
export const CHECKSUM_GATHER_BYTES = 16 * KIB;
/** Producers of a table that are kept in memory beside those in use. */
export const PRODUCERS_LOADED_MAX = 10_000;
/** Seconds for which replaced and dropped rows can be kept at most: ten years. */
export const SNAPSHOT_RETENTION_SECONDS_MAX = 10 * 366 * 24 * 60 * 60;
/** MiB a second that the scrub can be told to read at most. */
export const SCRUB_MIB_PER_SECOND_MAX = 100_000;
/** Bytes of a stored message from which on it is read by itself when memory has let go of it. */
export const COLD_READ_BYTES_MIN = 64 * KIB;
/** Such reads under way beside the one that is waited for, in one scan. */
export const COLD_READS_AHEAD = 2;
/** Bytes of one read of `sheaf check`, `backup` and `repair`; larger messages are read in several. */
export const CHECK_READ_BYTES_MAX = 1 * MIB;
/** Such reads under way at one time in one segment. */
export const CHECK_READS_AHEAD = 3;
/** Segments that `sheaf check` reads side by side. */
export const CHECK_PARALLEL_MAX = 3;
/** Findings that SQLite's own check of a catalog lists. */
export const CHECK_CATALOG_FINDINGS_MAX = 100;
/** Times that a backup begins anew because a segment was retired while it ran. */
export const BACKUP_ATTEMPTS_MAX = 5;
/** Bytes of a backup's manifest. */
export const MANIFEST_BYTES_MAX = 256 * MIB;
/** Bytes from the end of a segment that are read first, in search of its footer. */
export const FOOTER_READ_BYTES = 64 * KIB;
/** Numbers of commits that a rebuilt catalog leaves out, so that no lost commit's number is given again. */
export const REPAIR_COMMITS_SKIPPED = 1_000_000;
/** Bytes kept on the disk for drops and starts when another program has filled it. */
export const BALLAST_BYTES = 16 * MIB;
/** The same as a share of what is free when it is made, for small file systems: the lesser of both counts. */
export const BALLAST_SHARE = 0.02;
/** Bytes below which it is not worth keeping, and free bytes below which a start gives it up. */
export const BALLAST_BYTES_MIN = 512 * KIB;
/** Characters of a principal's name. */
export const PRINCIPAL_NAME_LENGTH_MAX = 128;
/** Tokens of a data directory. */
export const TOKENS_MAX = 10_000;
/** Tables that a principal can be given rights on by their names. */
export const PRINCIPAL_TABLES_MAX = 1_000;
/** Characters of the credentials of a call: an Authorization header, or what a Handshake carries. */
export const CREDENTIALS_LENGTH_MAX = 2 * KIB;
/** Milliseconds within which a client that began a Handshake must say who it is. */
export const HANDSHAKE_MS_MAX = 10_000;
/** Milliseconds for which a look at the tokens waits while another process changes them. */
export const ACCESS_BUSY_WAIT_MS = 1_000;
/** Bytes of a file that holds certificates or a key. */
export const CERTIFICATE_FILE_BYTES_MAX = 1 * MIB;
/** Bytes of a file that holds a token. */
export const TOKEN_FILE_BYTES_MAX = 4 * KIB;
