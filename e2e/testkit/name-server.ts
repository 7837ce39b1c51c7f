import { createSocket } from 'node:dgram';

/** A name server on a loopback address of its own, at the port that name servers have (root's). */
export interface NameServer extends AsyncDisposable {
  readonly address: string;
}

const HEADER_BYTES = 12;
const TTL_S = 30;
/** Type (A) and class of what is asked stand behind the name. */
const TYPE_A = 1;
const NO_SUCH_NAME = 3;

/** Knows each of these names by one IPv4 address, and no other name. */
export async function startNameServer(known: Readonly<Record<string, string>>): Promise<NameServer> {
  const socket = createSocket('udp4').on('message', (question, from) => socket.send(answerTo(question, known), from.port, from.address));
  const address = `127.53.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;
  await new Promise<void>((resolve) => socket.bind(53, address, resolve));
  return {
    address,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  };
}

function answerTo(question: Buffer, known: Readonly<Record<string, string>>): Buffer {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const address = known[labels.join('.').toLowerCase()];
  const found = address !== undefined && question.readUInt16BE(at + 1) === TYPE_A;
  // What came with the question behind it (EDNS) is left out.
  const head = Buffer.from(question.subarray(0, at + 5));
  head.set([0x81, 0x80 | (address === undefined ? NO_SUCH_NAME : 0), 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0], 2);
  return found ? Buffer.concat([head, Buffer.from([0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, TTL_S, 0, 4, ...address.split('.').map(Number)])]) : head;
}
