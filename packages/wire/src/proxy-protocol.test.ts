import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readProxyHeader, writeProxyHeader, type ProxyAddresses, type ProxyHeader } from './proxy-protocol.ts';

const read = (bytes: Uint8Array | string): ProxyHeader => {
  const input = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  return readProxyHeader(input, input.length);
};

test('version 1: what the specification gives as examples', () => {
  const line = 'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n';
  assert.deepEqual(read(`${line}GET / HTTP/1.1\r\n`), {
    t: 'header',
    version: 1,
    end: line.length,
    addresses: { sourceAddress: '192.168.0.1', sourcePort: 56_324, destinationAddress: '192.168.0.11', destinationPort: 443 },
    tlvs: [],
  });
  const longest = `PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`;
  assert.equal(longest.length, 107);
  assert.deepEqual(read(longest), { t: 'header', version: 1, end: 107, addresses: undefined, tlvs: [] });
  const six = read('PROXY TCP6 2001:DB8::1 ::1 1 65535\r\n');
  assert.deepEqual(six.t === 'header' ? six.addresses?.sourceAddress : six, '2001:db8::1');
});

test('version 1: what is malformed is refused, what is not a header is let alone', () => {
  for (const bad of [
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n',
    'PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 1::2::3 ::1 1 2\r\n',
    'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}`,
  ])
    assert.equal(read(bad).t, 'refused', JSON.stringify(bad));
  for (const other of ['GET / HTTP/1.1\r\n', 'PROXX', '\r\n\r\nX', '\x16\x03\x01']) assert.equal(read(other).t, 'none', JSON.stringify(other));
});

test('version 2: a check by the proxy itself, without addresses, is taken', () => {
  const local = writeProxyHeader(2, undefined);
  assert.deepEqual(read(local), { t: 'header', version: 2, end: 16, addresses: undefined, tlvs: [] });
  // With a claim of addresses that are not there, as crashed other proxies.
  const claimed = Uint8Array.from(local);
  claimed[13] = 0x11;
  assert.deepEqual(read(claimed), { t: 'header', version: 2, end: 16, addresses: undefined, tlvs: [] });
  const proxied = Uint8Array.from(claimed);
  proxied[12] = 0x21;
  assert.equal(read(proxied).t, 'refused');
});

const ipv4 = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 }))).map((parts) => parts.join('.'));
const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1));
const port = fc.integer({ min: 0, max: 65_535 });
const addresses: fc.Arbitrary<ProxyAddresses> = fc
  .oneof(ipv4, ipv6)
  .chain((sourceAddress) =>
    fc
      .tuple(port, sourceAddress.includes(':') ? ipv6 : ipv4, port)
      .map(([sourcePort, destinationAddress, destinationPort]) => ({ sourceAddress, sourcePort, destinationAddress, destinationPort })),
  );
const tlvs = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 })).map(([type, value]) => ({ type, value })),
  { maxLength: 4 },
);

test('what is written is read again, from any beginning of it only "more" is told', () => {
  fc.assert(
    fc.property(fc.constantFrom(1 as const, 2 as const), addresses, tlvs, fc.uint8Array({ maxLength: 30 }), (version, given, extensions, rest) => {
      const bytes = writeProxyHeader(version, given, extensions);
      for (let length = 0; length < bytes.length; length++) assert.equal(readProxyHeader(bytes, length).t, 'more');
      const found = read(Buffer.concat([bytes, rest]));
      assert.deepEqual(found, { t: 'header', version, end: bytes.length, addresses: given, tlvs: version === 1 ? [] : extensions });
    }),
  );
});

test('no input throws; a verdict does not change with more bytes', () => {
  const mutated = fc
    .tuple(fc.constantFrom(1 as const, 2 as const), addresses, fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }))
    .map(([version, given, changes]) => {
      const bytes = Uint8Array.from(writeProxyHeader(version, given));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 120 })), (bytes) => {
      let verdict: ProxyHeader = { t: 'more' };
      for (let length = 0; length <= bytes.length; length++) {
        const next = readProxyHeader(bytes, length);
        if (verdict.t !== 'more') assert.deepEqual(next, verdict);
        verdict = next;
      }
    }),
  );
});
