import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { childContext, parseTraceparent, readTraceContext, traceHeaders } from './context.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';
const read = (headers: Record<string, string>): ReturnType<typeof readTraceContext> => readTraceContext((name) => headers[name]);

test('W3C: what is valid, what is not', () => {
  assert.deepEqual(parseTraceparent(`00-${trace}-${span}-01`), { traceId: trace, spanId: span, sampled: true });
  assert.equal(parseTraceparent(`cc-${trace}-${span}-00-what`)?.sampled, false);
  for (const bad of [
    `00-${trace}-${span}-01-x`,
    `ff-${trace}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    '',
  ])
    assert.equal(parseTraceparent(bad), undefined, bad);
});

test('B3, single and multi, and a bare decision', () => {
  assert.deepEqual(read({ b3: `${trace}-${span}-0-${span}` }).context, {
    traceId: trace,
    spanId: span,
    parentSpanId: span,
    sampled: false,
    traceState: undefined,
    formats: ['b3-single'],
  });
  assert.deepEqual(read({ b3: '0' }), { decision: false });
  const multi = { 'x-b3-traceid': span, 'x-b3-spanid': span, 'x-b3-sampled': '1' };
  assert.equal(read(multi).context?.traceId, `${'0'.repeat(16)}${span}`);
  assert.deepEqual(read({ 'x-b3-flags': '1' }), { decision: true });
  assert.deepEqual(read({ traceparent: 'junk' }), {});
});

test('a child goes out in the formats its parent came in, and reads back', () => {
  const hex = (digits: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits - 1}}[1-9a-f]$`));
  fc.assert(
    fc.property(
      hex(32),
      hex(16),
      fc.boolean(),
      fc.subarray(['w3c', 'b3-single', 'b3-multi'] as const, { minLength: 1 }),
      (traceId, spanId, sampled, formats) => {
        const child = childContext({ traceId, spanId, parentSpanId: undefined, sampled, traceState: undefined, formats }, () => true, {
          next: () => 0.4,
        });
        assert.equal(child.parentSpanId, spanId);
        const back = read(Object.fromEntries(traceHeaders(child))).context;
        assert.deepEqual([back?.traceId, back?.spanId, back?.sampled, back?.formats], [traceId, child.spanId, sampled, formats]);
      },
    ),
  );
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('traceparent', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-flags'), fc.string()),
      (headers) => void read(headers),
    ),
  );
});
