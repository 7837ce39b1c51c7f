import { loadCodec, type ProtoCodec } from '@meltemi/protos';
import type { Reply } from './script.ts';

/** Services that proxies ask, and the type of what they are asked. */
const QUESTIONS: Readonly<Record<string, string>> = {
  '/envoy.service.auth.v3.Authorization/Check': 'envoy.service.auth.v3.CheckRequest',
  '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit': 'envoy.service.ratelimit.v3.RateLimitRequest',
};
const PREFIX_BYTES = 5;

let codec: ProtoCodec | undefined;

/** A question to a service as JSON with sorted members: bytes may say the same in more than one way. Other bodies stay. */
export function readableBody(target: string, body: string): string {
  const type = Object.hasOwn(QUESTIONS, target) ? QUESTIONS[target] : undefined;
  if (type === undefined || body.length < PREFIX_BYTES) return body;
  codec ??= loadCodec('all');
  return JSON.stringify(sorted(codec.decode(type, Buffer.from(body, 'latin1').subarray(PREFIX_BYTES))));
}

/** Of a check: each proxy has ports, ids and a clock of its own. */
const DIFFERENT: ReadonlySet<string> = new Set(['port_value', 'id', 'time']);

function sorted(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item));
  if (typeof value !== 'object' || value === null) return DIFFERENT.has(key) ? `<${key}>` : value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, sorted(item, name)]),
  );
}

/** The answer of a service. */
export function grpcReply(type: string, json: object): readonly Reply[] {
  codec ??= loadCodec('all');
  const bytes = codec.encode(type, json);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(bytes.length, 1);
  return [
    { headers: { 'content-type': 'application/grpc' }, body: Buffer.concat([prefix, bytes]).toString('latin1'), trailers: { 'grpc-status': '0' } },
  ];
}
