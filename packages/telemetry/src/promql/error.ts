import { MeshError } from '@meltemi/base';

/** Why a query failed; the words Prometheus' HTTP API uses are `bad_data`, `execution` and `execution`. */
export type PromqlErrorCode = 'promql/parse' | 'promql/execution' | 'promql/limit';

/** A query that cannot be answered. `from` and `to` are offsets into its text. */
export class PromqlError extends MeshError {
  readonly from: number;
  readonly to: number;

  constructor(code: PromqlErrorCode, message: string, from: number, to: number) {
    super(code, message);
    this.name = 'PromqlError';
    this.from = from;
    this.to = to;
  }
}

/** A parse error as Prometheus words it: `1:5: parse error: …`, line and column from 1. */
export function parseError(text: string, message: string, from: number, to: number = from): PromqlError {
  const before = text.slice(0, from);
  const line = before.split('\n').length;
  const column = from - (before.lastIndexOf('\n') + 1) + 1;
  return new PromqlError('promql/parse', `${line}:${column}: parse error: ${message}`, from, to);
}

/** A fault that shows only when the query runs. */
export function executionError(message: string, at: { readonly from: number; readonly to: number }): PromqlError {
  return new PromqlError('promql/execution', message, at.from, at.to);
}
