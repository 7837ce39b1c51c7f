import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTap } from '../decode/index.ts';
import type { RequestView } from '../compiled.ts';
import { compileTapMatch, TAP_STATUS } from './match.ts';

const sinks = [{ streaming_admin: {} }];
const header = (name: string, prefix: string): object => ({ headers: [{ name, string_match: { prefix } }] });
const tap = (match: object, output: object = {}): unknown => ({ config_id: 'a', tap_config: { match, output_config: { sinks, ...output } } });

const request: RequestView = { method: 'GET', path: '/a', authority: 'b', scheme: 'http', header: () => undefined };
const answered = (status: string): RequestView => ({ ...request, header: (name) => (name === TAP_STATUS ? status : undefined) });

function found(match: object, response?: string): boolean | undefined {
  const decoded = decodeTap(tap(match));
  assert.ok(decoded.ok);
  return compileTapMatch(decoded.value.match)(request, response === undefined ? undefined : answered(response));
}

test('a match that needs the response is open until it is there; what the request decides is decided at once', () => {
  const byPath = (prefix: string): object => ({ http_request_headers_match: header(':path', prefix) });
  const byStatus = { http_response_headers_match: header(':status', '5') };
  const both = { and_match: { rules: [byPath('/a'), byStatus] } };
  assert.deepEqual([found(both), found(both, '503'), found(both, '200')], [undefined, true, false]);
  assert.equal(found({ and_match: { rules: [byPath('/b'), byStatus] } }), false);
  assert.equal(found({ or_match: { rules: [byPath('/a'), byStatus] } }), true);
  assert.equal(found({ or_match: { rules: [byPath('/b'), byStatus] } }), undefined);
  assert.deepEqual([found({ not_match: byStatus }), found({ not_match: byStatus }, '200')], [undefined, true]);
  assert.equal(found({ any_match: true }), true);
});

test('what is asked for is bounded; what cannot be had is told with its path', () => {
  const wide = decodeTap(tap({ any_match: true }, { max_buffered_rx_bytes: 1e9 }));
  assert.ok(wide.ok && wide.value.output.maxRequestBytes === 64 * 1024);
  for (const [json, path] of [
    [undefined, 'config_id'],
    [{ config_id: 'a' }, 'tap_config'],
    [tap({}), 'tap_config.match.any_match'],
    [tap({ any_match: true }, { sinks: [] }), 'tap_config.output_config.sinks'],
    [tap({ any_match: true }, { sinks: [{ file_per_tap: { path_prefix: 'x' } }] }), 'tap_config.output_config.sinks[0]'],
    [tap({ any_match: true }, { sinks: [{ buffered_admin: { max_traces: 0 } }] }), 'tap_config.output_config.sinks[0].buffered_admin.max_traces'],
  ] as const) {
    const decoded = decodeTap(json);
    assert.ok(!decoded.ok && decoded.problems.some((problem) => problem.path.startsWith(path)), path);
  }
});
