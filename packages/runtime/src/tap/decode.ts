import { decodeHeaderMatch } from '../decode/route-match.ts';
import type { Reader } from '../decode/reader.ts';
import type { TapMatch, TapOutput, TapRequest } from './types.ts';

/** A request to `/tap` (`envoy.admin.v3.TapRequest`). */
export function decodeTapRequest(reader: Reader): TapRequest {
  const configId = reader.string('config_id');
  reader.require('config_id', configId !== '', 'missing');
  const tap = reader.message('tap_config');
  reader.require('tap_config', tap !== undefined, 'value is required');
  if (tap === undefined) return { configId, match: { t: 'any' }, output: NO_OUTPUT };
  const condition = tap.message('match') ?? tap.message('match_config');
  tap.require('match', condition !== undefined, 'missing');
  const output = tap.message('output_config');
  tap.require('output_config', output !== undefined, 'value is required');
  return {
    configId,
    match: condition === undefined ? { t: 'any' } : decodeMatch(condition),
    output: output === undefined ? NO_OUTPUT : decodeOutput(output),
  };
}

/** Envoy's, of each direction. */
const DEFAULT_BYTES = 1_024;
/** What a trace may hold of a body, whatever is asked for: a tap is no place to keep bodies. */
const MAX_BYTES = 64 * 1_024;
const MAX_TRACES = 1_000;
const NO_OUTPUT: TapOutput = { streaming: false, asText: false, maxRequestBytes: DEFAULT_BYTES, maxResponseBytes: DEFAULT_BYTES };

function decodeOutput(reader: Reader): TapOutput {
  const sinks = reader.messages('sinks');
  const [sink] = sinks;
  reader.require('sinks', sinks.length === 1, 'value must contain exactly 1 item(s)');
  const format = sink?.oneOf<'bytes' | 'text'>('format', { JSON_BODY_AS_BYTES: 'bytes', JSON_BODY_AS_STRING: 'text' }, 'bytes');
  const [streamed, buffered] = [sink?.message('streaming_admin'), sink?.message('buffered_admin')];
  sink?.require('', streamed !== undefined || buffered !== undefined, 'only streaming_admin and buffered_admin are supported by this proxy');
  return {
    streaming: reader.bool('streaming'),
    asText: format === 'text',
    maxRequestBytes: bytesOf(reader, 'max_buffered_rx_bytes'),
    maxResponseBytes: bytesOf(reader, 'max_buffered_tx_bytes'),
    ...(buffered === undefined ? {} : { buffered: decodeBuffered(buffered) }),
  };
}

function decodeBuffered(reader: Reader): NonNullable<TapOutput['buffered']> {
  const maxTraces = reader.number('max_traces', 0);
  reader.require('max_traces', maxTraces > 0 && maxTraces <= MAX_TRACES, `expected 1 to ${MAX_TRACES}`);
  return { maxTraces, timeoutMs: reader.duration('timeout', 0) };
}

function bytesOf(reader: Reader, field: string): number {
  return Math.min(MAX_BYTES, reader.number(field, DEFAULT_BYTES));
}

function decodeMatch(reader: Reader): TapMatch {
  const all = reader.message('and_match');
  if (all !== undefined) return { t: 'and', rules: all.messages('rules').map(decodeMatch) };
  const some = reader.message('or_match');
  if (some !== undefined) return { t: 'or', rules: some.messages('rules').map(decodeMatch) };
  const not = reader.message('not_match');
  if (not !== undefined) return { t: 'not', rule: decodeMatch(not) };
  const request = reader.message('http_request_headers_match');
  if (request !== undefined) return { t: 'request', headers: request.messages('headers').map(decodeHeaderMatch) };
  const response = reader.message('http_response_headers_match');
  if (response !== undefined) return { t: 'response', headers: response.messages('headers').map(decodeHeaderMatch) };
  reader.require('any_match', reader.bool('any_match'), 'expected any_match, and_match, or_match, not_match or a match of headers');
  return { t: 'any' };
}
