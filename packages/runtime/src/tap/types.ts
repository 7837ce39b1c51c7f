import type { HeaderMatch } from '../types/route.ts';

/** Which requests a tap is for. Plain data. */
export type TapMatch =
  | { readonly t: 'any' }
  | { readonly t: 'and' | 'or'; readonly rules: readonly TapMatch[] }
  | { readonly t: 'not'; readonly rule: TapMatch }
  | { readonly t: 'request' | 'response'; readonly headers: readonly HeaderMatch[] };

/** How traces are made. */
export interface TapOutput {
  /** Events one by one, rather than a trace when the request is over. */
  readonly streaming: boolean;
  /** Bodies as text, else as base64. */
  readonly asText: boolean;
  /** Of a body so much is shown at most. */
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  /** Traces are gathered, and answered together: when there are so many, or after so long (0 = without end). */
  readonly buffered?: { readonly maxTraces: number; readonly timeoutMs: number };
}

/** What an operator asks `/tap` for. */
export interface TapRequest {
  readonly configId: string;
  readonly match: TapMatch;
  readonly output: TapOutput;
}
