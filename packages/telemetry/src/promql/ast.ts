/** Regular expressions of queries: RE2 syntax, always matching the whole text. The host brings an implementation that cannot run wild. */
export interface RegexPort {
  /** Throws when the pattern is not valid. */
  compile(pattern: string): AnchoredRegex;
}

export interface AnchoredRegex {
  test(text: string): boolean;
  /** Group 0 and the captured groups, or undefined when the text does not match. `named` has the named ones. */
  groups(
    text: string,
  ): { readonly numbered: readonly (string | undefined)[]; readonly named: Readonly<Record<string, string | undefined>> } | undefined;
}

/** Regular expressions by the language's own engine: only for patterns that no user wrote (tests, built-in queries). */
export const trustedRegex: RegexPort = {
  compile(pattern) {
    const regex = new RegExp(`^(?:${pattern})$`, 's');
    return {
      test: (text) => regex.test(text),
      groups(text) {
        const match = regex.exec(text);
        return match === null ? undefined : { numbered: [...match], named: match.groups ?? {} };
      },
    };
  },
};

export type MatchOp = '=' | '!=' | '=~' | '!~';

/** One condition of a selector. A label that a series does not have is the empty string. */
export interface LabelMatcher {
  readonly name: string;
  readonly op: MatchOp;
  readonly value: string;
  matches(value: string): boolean;
}

export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string';

/** Where in the text, as offsets. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** When a selector is evaluated: shifted by `offset`, or fixed by `@`. */
export interface TimeShift {
  readonly offsetMs: number;
  readonly at: number | 'start' | 'end' | undefined;
}

export type BinaryOp = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2' | '==' | '!=' | '>' | '<' | '>=' | '<=' | 'and' | 'or' | 'unless';

/** How two vectors are matched. `side` names the side with many elements; `include` the labels taken from the other one. */
export interface Matching {
  readonly on: boolean;
  readonly labels: readonly string[];
  readonly side: 'none' | 'left' | 'right';
  readonly include: readonly string[];
}

export type AggregateOp = 'sum' | 'avg' | 'min' | 'max' | 'count' | 'group' | 'stddev' | 'stdvar' | 'topk' | 'bottomk' | 'quantile' | 'count_values';

export type Expr =
  | ({ readonly t: 'number'; readonly value: number } & Span)
  | ({ readonly t: 'string'; readonly value: string } & Span)
  | SelectorExpr
  | RangeExpr
  | SubqueryExpr
  | ({ readonly t: 'call'; readonly name: string; readonly args: readonly Expr[] } & Span)
  | AggregateExpr
  | BinaryExpr
  | ({ readonly t: 'negate'; readonly expr: Expr } & Span);

export interface SelectorExpr extends Span {
  readonly t: 'selector';
  readonly matchers: readonly LabelMatcher[];
  readonly shift: TimeShift;
}

interface RangeExpr extends Span {
  readonly t: 'range';
  readonly selector: SelectorExpr;
  readonly rangeMs: number;
}

export interface SubqueryExpr extends Span {
  readonly t: 'subquery';
  readonly expr: Expr;
  readonly rangeMs: number;
  /** Undefined: the engine's default. */
  readonly stepMs: number | undefined;
  readonly shift: TimeShift;
}

export interface AggregateExpr extends Span {
  readonly t: 'aggregate';
  readonly op: AggregateOp;
  readonly expr: Expr;
  readonly param: Expr | undefined;
  readonly grouping: 'by' | 'without';
  readonly labels: readonly string[];
}

export interface BinaryExpr extends Span {
  readonly t: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly bool: boolean;
  readonly matching: Matching | undefined;
}

export const NO_SHIFT: TimeShift = { offsetMs: 0, at: undefined };

export const COMPARISONS: readonly string[] = ['==', '!=', '>', '<', '>=', '<='];
export const SET_OPS: readonly string[] = ['and', 'or', 'unless'];
