/**
 * The syntax tree of statements about views, and of those that show what there is.
 *
 * Hides nothing. Invariants: those of ast.ts.
 */
import type { Span } from '../base/errors.ts';
import type { Identifier, Query, TableName } from './ast.ts';

export type ViewStatement =
  | {
      readonly kind: 'create_view';
      readonly view: TableName;
      readonly orReplace: boolean;
      readonly ifNotExists: boolean;
      /** New names for the first columns of the query. */
      readonly columns: readonly Identifier[];
      readonly query: Query;
      /** The query as it is written, parentheses and comments included; of a recursive view with WITH before it. */
      readonly text: string;
      readonly span: Span;
    }
  | { readonly kind: 'drop_view'; readonly view: TableName; readonly ifExists: boolean; readonly span: Span };

/** `all`: SHOW ALL TABLES, with their columns. */
export type ShowStatement =
  | { readonly kind: 'show_tables'; readonly all: boolean; readonly span: Span }
  | { readonly kind: 'show_snapshots'; readonly span: Span }
  | {
      readonly kind: 'describe';
      readonly target: TableName | Query;
      /** SHOW is written, which may mean a setting. */
      readonly shows: boolean;
      /** What planning knows of it; there is none in a tree that was only parsed. */
      readonly setting?: ShownSetting;
      readonly span: Span;
    }
  | { readonly kind: 'summarize'; readonly target: TableName | Query; readonly span: Span };

/** The setting that SHOW names, as a query of one row; `always`: whether or not there is a table of that name. */
export interface ShownSetting {
  readonly query: Query;
  readonly always: boolean;
}

/** `(DESCRIBE …) [AS] alias[(column, …)]` in FROM. */
export interface ShownRows {
  readonly kind: 'shown_rows';
  readonly statement: ShowStatement;
  readonly alias: Identifier | undefined;
  readonly columns: readonly Identifier[];
  readonly span: Span;
}
