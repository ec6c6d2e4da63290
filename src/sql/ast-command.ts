/**
 * The syntax tree of COPY, PREPARE, EXECUTE and DEALLOCATE, and of parameters.
 *
 * Hides nothing. Invariants: those of ast.ts, whose other half this is.
 */
import type { Span } from '../base/errors.ts';
import type { ExprNode, Identifier, Query, Statement, TableName } from './ast.ts';

/** `?`, `$1` or `$name`. */
export interface Parameter {
  readonly kind: 'parameter';
  /** Digits, those of `?` counted on from the greatest number before it; or a name as written. */
  readonly name: string;
  /** What planning knows of it; there is none in a tree that was only parsed. */
  readonly slot?: object;
  readonly span: Span;
}

/** `name [value]` of COPY; without a value it is switched on. A bare word as value is a column_name. */
export interface CopyOption {
  readonly kind: 'copy_option';
  readonly name: Identifier;
  readonly value: ExprNode | undefined;
  readonly span: Span;
}

/** A value of EXECUTE: for the parameter of that name, else for the one at its place. */
export interface ExecuteArgument {
  readonly kind: 'execute_argument';
  readonly name: Identifier | undefined;
  readonly value: ExprNode;
  readonly span: Span;
}

export type CommandStatement =
  | {
      readonly kind: 'copy_from';
      readonly table: TableName;
      /** Undefined: all of the table's, in its order. */
      readonly columns: readonly Identifier[] | undefined;
      readonly path: ExprNode;
      readonly options: readonly CopyOption[];
      readonly span: Span;
    }
  /** `COPY t (a, b) TO` is written as a query of these columns. */
  | {
      readonly kind: 'copy_to';
      readonly query: Query;
      readonly path: ExprNode;
      readonly options: readonly CopyOption[];
      readonly span: Span;
    }
  | {
      readonly kind: 'prepare';
      readonly name: Identifier;
      readonly statement: Statement;
      readonly span: Span;
    }
  | {
      readonly kind: 'execute';
      readonly name: Identifier;
      readonly args: readonly ExecuteArgument[];
      readonly span: Span;
    }
  | { readonly kind: 'deallocate'; readonly name: Identifier; readonly span: Span };
