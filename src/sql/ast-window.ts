/**
 * The syntax tree of windows: what stands after OVER and WINDOW.
 *
 * Hides nothing. Invariant: as in ast.ts, whose kinds these are part of.
 */
import type { Span } from '../base/errors.ts';
import type { ExprNode, Identifier, OrderItem } from './ast.ts';
import type { FrameEnd, FrameExclusion, FrameUnit } from './ast-word.ts';

/** `([name] [PARTITION BY …] [ORDER BY …] [frame])`. */
export interface WindowSpec {
  readonly kind: 'window_spec';
  /** The window that this one adds to. */
  readonly base: Identifier | undefined;
  readonly partitions: readonly ExprNode[];
  readonly orders: readonly OrderItem[];
  /** Undefined when not written. */
  readonly frame: WindowFrame | undefined;
  readonly span: Span;
}

/** `unit BETWEEN start AND end [EXCLUDE …]`; an end that was not written is the current row. */
export interface WindowFrame {
  readonly kind: 'window_frame';
  readonly unit: FrameUnit;
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly exclude: FrameExclusion | undefined;
  readonly span: Span;
}

/** One end of a frame; `value` is the distance of `preceding` and `following`. */
export interface FrameBound {
  readonly kind: 'frame_bound';
  readonly bound: FrameEnd;
  readonly value: ExprNode | undefined;
  readonly span: Span;
}

/** `name AS (…)` of WINDOW. */
export interface NamedWindow {
  readonly kind: 'named_window';
  readonly name: Identifier;
  readonly spec: WindowSpec;
  readonly span: Span;
}
