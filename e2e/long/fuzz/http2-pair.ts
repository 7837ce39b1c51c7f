import {
  createH2Session,
  DEFAULT_H2_LIMITS,
  DEFAULT_H2_SETTINGS,
  type H2Handler,
  type H2Outgoing,
  type H2Session,
  type H2Stream,
} from '@meltemi/wire';
import { bytesPort } from './bytes-port.ts';
import type { FuzzCodec } from './codec.ts';
import { Output } from './http2.ts';
import { bytesOf, type Transcript } from './random.ts';

const NAMES = ['x-a', 'Accept', 'user-agent', 'x-request-id', 'authorization', 'Set-Cookie', 'x-b', 'grpc-timeout'];
const VALUES = ['', '1', '2', 'application/grpc', 'v'.repeat(41), 'w'.repeat(300), 'a b', 'Bearer x'];
const PATHS = ['/', '/index.html', '/svc/Method', '/x?y=z'];
const METHODS = ['GET', 'POST', 'PUT', 'HEAD'];
const TABLE_SIZES = [0, 60, 4096, 300];
/** Heads of one input. */
const MAX_MESSAGES = 8;

/** Reads choices off the input; past its end everything is 0. */
class Choices {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): boolean {
    return this.at < this.#bytes.length;
  }

  pick<T>(list: readonly T[]): T {
    return list[(this.#bytes[this.at++] ?? 0) % list.length] as T;
  }

  /** Header lines, and the same as they should arrive. */
  lines(): { sent: string; got: string } {
    let sent = '';
    let got = '';
    for (let count = this.pick([0, 1, 2, 3, 4, 6, 8]); count > 0; count--) {
      const name = this.pick(NAMES);
      // Half of the values differ from message to message.
      const value = this.pick(VALUES) + this.pick(['', '', '', String(this.at)]);
      sent += `${name}: ${value}\r\n`;
      got += `${name.toLowerCase()}: ${value}\r\n`;
    }
    return { sent, got };
  }
}

const nothing = (): void => {};
const QUIET: H2Handler<number> = {
  head: nothing,
  headRefused: (_stream, reason) => fault(reason),
  data: nothing,
  trailers: nothing,
  reset: (_stream, code, by) => fault(`reset ${code} by ${by}`),
  writable: nothing,
  settings: nothing,
  goaway: nothing,
  pong: nothing,
  failed: (_code, reason) => fault(reason),
};

function fault(what: string): never {
  throw new Error(`between two of our own ends: ${what}`);
}

interface End {
  readonly session: H2Session<number>;
  readonly output: Output;
}

function makeEnd(role: 'server' | 'client', headerTableSize: number, handler: Partial<H2Handler<number>>): End {
  const output = new Output();
  const settings = { ...DEFAULT_H2_SETTINGS, headerTableSize };
  const session = createH2Session<number>({
    role,
    port: bytesPort,
    output,
    settings,
    limits: DEFAULT_H2_LIMITS,
    nowMs: () => 0,
    handler: { ...QUIET, ...handler },
  });
  return { session, output };
}

/** Carries what one has written to the other, in pieces. */
function carry(from: End, to: End, cutsAt: readonly number[]): void {
  const bytes = Buffer.from(from.output.bytes.subarray(0, from.output.length));
  from.output.length = 0;
  from.session.flushed();
  let at = 0;
  for (const cut of [...cutsAt.filter((place) => place < bytes.length), bytes.length]) {
    if (cut > at) to.session.receive(bytes, at, cut);
    at = cut;
  }
}

function outgoing(text: string, endStream: boolean): H2Outgoing {
  const bytes = bytesOf(text);
  return { bytes, start: 0, end: bytes.length, endStream, scheme: 'http', extended: false };
}

function same(got: string, expected: string): void {
  if (got !== expected) throw new Error(`sent ${JSON.stringify(expected)}, but ${JSON.stringify(got)} came`);
}

/** Heads and trailers from one session to another and back: what arrives is what was sent, whatever the encoder remembers. */
export const h2Pair: FuzzCodec = {
  name: 'http2-pair',
  generate: (random) => Buffer.from(Array.from({ length: 10 + random.below(60) }, () => random.below(random.oneIn(2) ? 4 : 256))),
  run(input, cutsAt, transcript: Transcript) {
    const choices = new Choices(input);
    let heard = '';
    let asked: H2Stream<number> | undefined;
    const tell = (head: { bytes: Uint8Array; start: number; end: number }): void => {
      heard += (head.bytes as Buffer).toString('latin1', head.start, head.end);
    };
    const hear: Partial<H2Handler<number>> = {
      head(stream, head) {
        asked = stream;
        tell(head);
      },
      trailers: (_stream, head) => tell(head),
    };
    const client = makeEnd('client', choices.pick(TABLE_SIZES), hear);
    const server = makeEnd('server', choices.pick(TABLE_SIZES), hear);
    for (const [from, to] of [
      [client, server],
      [server, client],
      [client, server],
    ] as const)
      carry(from, to, cutsAt);
    for (let i = 0; i < MAX_MESSAGES && choices.left; i++) {
      heard = '';
      const start = `${choices.pick(METHODS)} ${choices.pick(PATHS)} HTTP/1.1\r\n`;
      const [before, after, back, last] = [choices.lines(), choices.lines(), choices.lines(), choices.lines()];
      const host = `host: ${choices.pick(['a', 'b.c'])}\r\n`;
      client.session.request(i, outgoing(`${start}${before.sent}${host}${after.sent}\r\n`, true));
      carry(client, server, cutsAt);
      same(heard, `${start}${host}${before.got}${after.got}\r\n`);
      heard = '';
      server.session.respond(asked as H2Stream<number>, outgoing(`HTTP/1.1 ${choices.pick([200, 404, 418])} X\r\n${back.sent}\r\n`, false));
      const trailers = bytesOf(last.sent.replaceAll(/(authorization|Set-Cookie)/g, 'x-t'));
      server.session.writeTrailers(asked as H2Stream<number>, trailers, 0, trailers.length);
      carry(server, client, cutsAt);
      same(heard.slice(13), ` \r\n${back.got}\r\n${last.got.replaceAll(/(authorization|set-cookie)/g, 'x-t')}`.slice(1));
      transcript.event('message', heard.length);
    }
  },
};
