/** Settings that a proxy refuses: with one of them no listener of the whole mesh would come into force. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMeshConfig } from './decode-mesh-config.ts';

const zipkin = (address: string): string => `defaultConfig: { tracing: { zipkin: { address: "${address}" } } }`;
const provider = (kind: string, more: string): string => `extensionProviders: [{ name: a, ${kind}: { service: a.b, port: 80, ${more} } }]`;
const tags = (text: string): string => `defaultConfig: { tracing: { customTags: ${text} } }`;
const format = (text: string): string => `accessLogFormat: ${JSON.stringify(text)}`;
const json = (text: string): string => `${format(text)}\naccessLogEncoding: JSON`;

const nested = (levels: number): string => `${'{"a":'.repeat(levels)}"%PROTOCOL%"${'}'.repeat(levels)}`;

const REFUSED: readonly (readonly [text: string, message: RegExp])[] = [
  [zipkin('z:99999'), /"z:99999" is not host:port/],
  [zipkin('z:0'), /"z:0" is not host:port/],
  [provider('zipkin', 'headers: [{ name: "a b", value: x }]'), /"a b" is not a header name/],
  [provider('zipkin', 'headers: [{ name: ":path", value: x }]'), /":path" is not a header name/],
  [provider('opentelemetry', 'grpc: { initialMetadata: [{ name: a, value: "x\\r\\ny" }] }'), /control characters/],
  [provider('zipkin', 'path: "/a\\nb"'), /control characters/],
  [tags('{ "": { literal: { value: x } } }'), /must not be empty/],
  [tags('{ t: { header: { name: "a\\nb" } } }'), /is not a header name/],
  [format('%REQ('), /"%" at 0 has no closing "%"/],
  [format('100 %'), /"%" at 4 has no closing "%"/],
  [format('%NOSUCH%'), /refuse every listener that logs so: %NOSUCH% is no operator/],
  [format('%RESPONSE_COD%'), /%RESPONSE_COD% is no operator/],
  [format('%FILTER_STATE(a)%'), /%FILTER_STATE% is not supported by this proxy/],
  [format('%REQ%'), /%REQ% needs an argument/],
  [format('%PROTOCOL(a)%'), /%PROTOCOL% takes no argument/],
  [format('%PROTOCOL:x%'), /"%PROTOCOL:x%" is no operator/],
  [format('%START_TIME(%Y)%').replace(')%', '%'), /has no closing/],
  [json('%PROTOCOL%'), /is not JSON, as accessLogEncoding asks/],
  [json('"%PROTOCOL%"'), /must be a JSON object/],
  [json('{"a": {"b": ["%NOSUCH%"]}}'), /%NOSUCH% is no operator/],
  [json(nested(31)), /refuse every listener that logs so: it is nested deeper than 30 levels/],
  [json(nested(2_500)), /deeper than 30 levels/],
  [provider('envoyOtelAls', `logFormat: { labels: ${nested(31)} }`), /deeper than 30 levels/],
  [provider('envoyOtelAls', 'logFormat: { text: "%REQ(" }'), /no closing/],
  [provider('envoyOtelAls', 'logFormat: { text: "%NOSUCH%" }'), /%NOSUCH% is no operator/],
  [provider('envoyOtelAls', 'logFormat: { labels: { a: { b: ["%X("] } } }'), /no closing/],
  ['extensionProviders: [{ name: a, envoyFileAccessLog: { logFormat: { text: "%NOSUCH%" } } }]', /%NOSUCH% is no operator/],
  ['extensionProviders: [{ name: a, envoyFileAccessLog: { logFormat: { labels: { a: "%NOSUCH%" } } } }]', /%NOSUCH% is no operator/],
];

for (const [text, message] of REFUSED) {
  test(`refused: ${text}`, () => {
    const { settings, findings } = decodeMeshConfig(text);
    assert.deepEqual([settings, findings.length], [undefined, 1]);
    assert.match(findings[0]?.message ?? '', message);
  });
}

test('formats: operators with arguments and lengths, and a percent sign that stands for itself', () => {
  for (const text of ['[%START_TIME(%Y/%m/%dT%H:%M:%S%z)%] "%REQ(:METHOD)% %REQ(X-A?:B):10%" 5%% %RESPONSE_CODE%%%', '{"a": "%PROTOCOL%"}', ''])
    assert.deepEqual(decodeMeshConfig(format(text)).findings, []);
});

test('formats in JSON: keys are no formats', () => {
  assert.deepEqual(decodeMeshConfig(json(nested(30))).findings, []);
  assert.deepEqual(decodeMeshConfig(json('{"100%": "%PROTOCOL%", "n": 1}')).findings, []);
});

test('an operator that is nearly one is told with the one that was meant', () => {
  const [finding] = decodeMeshConfig(format('%RESPONSE_COD%')).findings;
  assert.deepEqual([finding?.path, finding?.fix], [['accessLogFormat'], 'Did you mean %RESPONSE_CODE%?']);
});
