import { readClientHello } from '@meltemi/proxy';
import type { FuzzCodec } from './codec.ts';
import { bytesOf, type Random } from './random.ts';

function vector(sizeBytes: number, content: Buffer): Buffer {
  const size = Buffer.alloc(sizeBytes);
  size.writeUIntBE(content.length, 0, sizeBytes);
  return Buffer.concat([size, content]);
}

function extension(random: Random): Buffer {
  switch (random.below(4)) {
    case 0:
      return Buffer.concat([
        Buffer.of(0, 0),
        vector(2, vector(2, Buffer.concat([Buffer.of(0), vector(2, bytesOf(random.pick(['a.b', 'Example.COM', ''])))]))),
      ]);
    case 1:
      return Buffer.concat([
        Buffer.of(0, 16),
        vector(2, vector(2, Buffer.concat(['h2', 'http/1.1', 'istio'].map((name) => vector(1, bytesOf(name)))))),
      ]);
    default:
      return Buffer.concat([Buffer.of(0, random.below(60)), vector(2, Buffer.alloc(random.below(9), 1))]);
  }
}

/** TLS client hellos, as the sniffer reads them: again from the beginning with every piece that comes. */
export const clientHello: FuzzCodec = {
  name: 'client-hello',
  generate(random) {
    const extensions = vector(2, Buffer.concat(Array.from({ length: random.below(5) }, () => extension(random))));
    const body = Buffer.concat([
      Buffer.of(3, 3),
      Buffer.alloc(32, 7),
      vector(1, Buffer.alloc(random.pick([0, 32]), 8)),
      vector(2, Buffer.of(0x13, 1, 0x13, 2)),
      vector(1, Buffer.of(0)),
      random.oneIn(8) ? Buffer.alloc(0) : extensions,
    ]);
    const handshake = Buffer.concat([Buffer.of(1), vector(3, body)]);
    const cut = random.oneIn(3) ? random.below(handshake.length) : handshake.length;
    const records = [handshake.subarray(0, cut), handshake.subarray(cut)].filter((part) => part.length > 0);
    return Buffer.concat(records.map((part) => Buffer.concat([Buffer.of(22, 3, 1), vector(2, part)])));
  },
  run(input, cutsAt, transcript) {
    let needed = 0;
    for (const to of [...cutsAt, input.length]) {
      // Fewer bytes than it asked for are not shown to it.
      if (to < needed && to < input.length) continue;
      const hello = readClientHello(input, to);
      if (hello.t === 'more') {
        if (hello.atLeast <= to && to < 16_384) throw new Error(`it has ${to} bytes and asks for ${hello.atLeast}`);
        needed = hello.atLeast;
        continue;
      }
      transcript.event(hello.t);
      if (hello.t === 'tls') {
        transcript.event(hello.serverName);
        for (const name of hello.alpn) transcript.event(name);
      }
      return;
    }
    transcript.event('more');
  },
};
