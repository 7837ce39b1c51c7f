import type { Scalar } from './schema.ts';

/** `google.protobuf.…Value` wrappers: the scalar they hold, which is all that ProtoJSON shows. */
export const WRAPPERS: Readonly<Record<string, Scalar>> = {
  'google.protobuf.DoubleValue': 'double',
  'google.protobuf.FloatValue': 'float',
  'google.protobuf.Int64Value': 'int64',
  'google.protobuf.UInt64Value': 'uint64',
  'google.protobuf.Int32Value': 'int32',
  'google.protobuf.UInt32Value': 'uint32',
  'google.protobuf.BoolValue': 'bool',
  'google.protobuf.StringValue': 'string',
  'google.protobuf.BytesValue': 'bytes',
};

const SPECIAL = ['Any', 'Duration', 'Timestamp', 'Struct', 'Value', 'ListValue', 'FieldMask'].map((name) => `google.protobuf.${name}`);
const WELL_KNOWN: ReadonlySet<string> = new Set([...SPECIAL, ...Object.keys(WRAPPERS)]);

/** Whether a message has a ProtoJSON form of its own; inside an Any that form stands in `value`. */
export function isWellKnown(fullName: string): boolean {
  return WELL_KNOWN.has(fullName);
}

/** Seconds and nanoseconds, of one sign in a duration. */
export interface SecondsNanos {
  readonly seconds: bigint;
  readonly nanos: number;
}

const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
// Ten thousand years, protobuf's own bound.
const MAX_DURATION_SECONDS = 315_576_000_000n;

/** Parses "1.5s"; undefined when it is no duration. */
export function parseDuration(text: unknown): SecondsNanos | undefined {
  const match = typeof text === 'string' ? DURATION.exec(text) : null;
  if (match === null) return undefined;
  const seconds = BigInt(match[2]!);
  if (seconds > MAX_DURATION_SECONDS) return undefined;
  const nanos = Number((match[3] ?? '').padEnd(9, '0'));
  return match[1] === '-' ? { seconds: -seconds, nanos: -nanos } : { seconds, nanos };
}

/** "1.500s" style of canonical ProtoJSON, but with no more digits than needed. */
export function formatDuration({ seconds, nanos }: SecondsNanos): string {
  const negative = seconds < 0n || nanos < 0;
  const whole = seconds < 0n ? -seconds : seconds;
  return `${negative ? '-' : ''}${whole}${fraction(Math.abs(nanos))}s`;
}

function fraction(nanos: number): string {
  return nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

/** Parses RFC 3339; undefined when it is no timestamp. */
export function parseTimestamp(text: unknown): SecondsNanos | undefined {
  const match = typeof text === 'string' ? TIMESTAMP.exec(text) : null;
  if (match === null) return undefined;
  const ms = Date.parse(match[1]! + match[3]!.toUpperCase());
  if (Number.isNaN(ms)) return undefined;
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Number((match[2] ?? '').padEnd(9, '0')) };
}

/** RFC 3339 in UTC, or undefined outside the years 1 to 9999. */
export function formatTimestamp({ seconds, nanos }: SecondsNanos): string | undefined {
  if (seconds < -62_135_596_800n || seconds > 253_402_300_799n || nanos < 0 || nanos > 999_999_999) return undefined;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}
