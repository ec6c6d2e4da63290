/**
 * The syntax tree of what ALTER TABLE does.
 *
 * Hides nothing. Invariants: those of ast.ts.
 */
import type { Span } from '../base/errors.ts';
import type { ColumnDefinition, ExprNode } from './ast.ts';
import type { Identifier, TimeLength } from './ast-word.ts';

/** What ALTER TABLE does. */
export type Alteration =
  | {
      readonly kind: 'add_column';
      readonly column: ColumnDefinition;
      readonly ifNotExists: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'drop_column';
      readonly column: Identifier;
      readonly ifExists: boolean;
      readonly span: Span;
    }
  | { readonly kind: 'rename_column'; readonly column: Identifier; readonly to: Identifier; readonly span: Span }
  /** Without a value: DROP DEFAULT. */
  | {
      readonly kind: 'set_default';
      readonly column: Identifier;
      readonly value: ExprNode | undefined;
      readonly span: Span;
    }
  | { readonly kind: 'set_nullable'; readonly column: Identifier; readonly nullable: boolean; readonly span: Span }
  | { readonly kind: 'set_ttl'; readonly length: TimeLength; readonly column: Identifier; readonly span: Span }
  | { readonly kind: 'drop_ttl'; readonly span: Span };
