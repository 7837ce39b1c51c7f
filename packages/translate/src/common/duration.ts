import { durationMs } from '@meltemi/api';

/** Milliseconds as a protobuf duration: `0.025s`. Exact to the nanosecond. */
export function protoDuration(ms: number): string {
  const nanos = Math.round(ms * 1e6);
  const seconds = Math.floor(nanos / 1e9);
  const rest = String(nanos - seconds * 1e9)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return rest === '' ? `${seconds}s` : `${seconds}.${rest}s`;
}

/** Istio's duration text (`1h30m`) as a protobuf duration; undefined stays undefined. Validation has refused everything else. */
export function durationOf(text: string | undefined): string | undefined {
  const ms = text === undefined ? undefined : durationMs(text);
  return ms === undefined ? undefined : protoDuration(ms);
}
