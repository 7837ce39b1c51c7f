import { readProxyHeader, writeProxyHeader } from '@meltemi/wire';
import type { FuzzCodec } from './codec.ts';
import { bytesOf, type Random } from './random.ts';

const IPV4 = ['10.0.0.1', '255.255.255.255', '0.0.0.0', '1.2.3'];
const IPV6 = ['::1', '2001:db8::1', 'fe80:0:0:0:1:2:3:4', '1:2'];
const LINES = [
  'PROXY UNKNOWN\r\n',
  'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
  'PROXY TCP6 ::1 ::2 65535 0\r\n',
  'PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n',
  `PROXY UNKNOWN ${'x'.repeat(90)}\r\n`,
];

function header(random: Random): Uint8Array {
  if (random.oneIn(3)) return bytesOf(random.pick(LINES));
  const pool = random.oneIn(2) ? IPV4 : IPV6;
  const addresses = {
    sourceAddress: random.pick(pool),
    sourcePort: random.below(65_536),
    destinationAddress: random.pick(pool),
    destinationPort: 80,
  };
  const tlvs = Array.from({ length: random.below(4) }, () => ({ type: random.below(256), value: Buffer.alloc(random.below(12), 9) }));
  return writeProxyHeader(random.oneIn(3) ? 1 : 2, random.oneIn(8) ? undefined : addresses, tlvs);
}

/** PROXY protocol headers, read again from the beginning with every piece that comes. */
export const proxyProtocol: FuzzCodec = {
  name: 'proxy-protocol',
  generate: (random) => Buffer.concat([header(random), bytesOf(random.pick(['', 'GET / HTTP/1.1\r\n', '\u0016\u0003']))]),
  run(input, cutsAt, transcript) {
    for (const to of [...cutsAt, input.length]) {
      const read = readProxyHeader(input, to);
      if (read.t === 'more') continue;
      transcript.event(read.t);
      if (read.t !== 'header') return;
      if (read.end > to) throw new Error(`a header of ${read.end} bytes in ${to}`);
      transcript.event('of', read.version, read.end);
      const { addresses } = read;
      if (addresses !== undefined)
        transcript.event(addresses.sourceAddress + addresses.destinationAddress, addresses.sourcePort, addresses.destinationPort);
      for (const { type, value } of read.tlvs) {
        transcript.event('tlv', type);
        transcript.bytes(value, 0, value.length);
      }
      return;
    }
    transcript.event('more');
  },
};
