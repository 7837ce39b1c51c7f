import * as dnsPacket from 'dns-packet';

/** What a received message is. `id` is there whenever the first two bytes are. */
export type Received =
  | { readonly t: 'query'; readonly query: Query }
  /** To be answered with this response code: 1 format error, 4 not implemented. */
  | { readonly t: 'refuse'; readonly id: number; readonly rcode: number }
  /** Not even a header, or a response: silence is the only safe answer (two servers must not talk to each other for ever). */
  | { readonly t: 'ignore' };

/** A question. `udpBytes` is the largest datagram that the client takes (EDNS 0, RFC 6891). */
export interface Query {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly udpBytes: number;
  readonly hasEdns: boolean;
  readonly recursionDesired: boolean;
}

const HEADER_BYTES = 12;
const PLAIN_UDP_BYTES = 512;
/** Largest datagram sent, whatever the client offers: fits an IPv6 packet without fragments (DNS flag day 2020). */
const MAX_UDP_BYTES = 1232;
/** Response codes of RFC 1035 section 4.1.1. */
export const RCODE = { formatError: 1, serverFailure: 2, notImplemented: 4 } as const;
const FLAG_RESPONSE = 0x8000;

/** Reads a message; never throws, whatever the bytes are. */
export function decodeQuery(bytes: Uint8Array): Received {
  if (bytes.length < HEADER_BYTES) return { t: 'ignore' };
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return checkHeader(view) ?? decodeQuestion(view);
}

/** What can be said without decoding; undefined: a query so far. */
function checkHeader(view: Buffer): Received | undefined {
  const id = view.readUInt16BE(0);
  const flags = view.readUInt16BE(2);
  if ((flags & FLAG_RESPONSE) !== 0) return { t: 'ignore' };
  if (((flags >> 11) & 15) !== 0) return { t: 'refuse', id, rcode: RCODE.notImplemented };
  // Counts are checked before decoding: a query has one question, and nothing but EDNS beside it.
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => view.readUInt16BE(at));
  const isQuery = questions === 1 && answers === 0 && authorities === 0 && (additionals ?? 0) <= 2;
  return isQuery ? undefined : { t: 'refuse', id, rcode: RCODE.formatError };
}

function decodeQuestion(view: Buffer): Received {
  const id = view.readUInt16BE(0);
  try {
    const packet = dnsPacket.decode(view);
    const question = packet.questions?.[0];
    if (question === undefined || question.name.length > 255) return { t: 'refuse', id, rcode: RCODE.formatError };
    const edns = packet.additionals?.find((record) => record.type === 'OPT');
    const offered = edns?.type === 'OPT' ? edns.udpPayloadSize : PLAIN_UDP_BYTES;
    const udpBytes = Math.max(PLAIN_UDP_BYTES, Math.min(MAX_UDP_BYTES, offered));
    return {
      t: 'query',
      query: {
        id,
        name: question.name,
        type: question.type,
        udpBytes,
        hasEdns: edns !== undefined,
        recursionDesired: (view.readUInt16BE(2) & dnsPacket.RECURSION_DESIRED) !== 0,
      },
    };
  } catch {
    return { t: 'refuse', id, rcode: RCODE.formatError };
  }
}

/** A NOERROR answer with these addresses; none of them is "the name is there, this type is not". */
export function encodeAnswer(query: Query, addresses: readonly string[], ttlSeconds: number): Uint8Array {
  const type = query.type === 'AAAA' ? 'AAAA' : 'A';
  const recursion = query.recursionDesired ? dnsPacket.RECURSION_DESIRED : 0;
  return dnsPacket.encode({
    type: 'response',
    id: query.id,
    flags: dnsPacket.AUTHORITATIVE_ANSWER | dnsPacket.RECURSION_AVAILABLE | recursion,
    questions: [{ type: query.type as 'A', name: query.name, class: 'IN' }],
    answers: addresses.map((data) => ({ type, name: query.name, ttl: ttlSeconds, class: 'IN', data })),
    additionals: query.hasEdns
      ? [{ type: 'OPT', name: '.', udpPayloadSize: MAX_UDP_BYTES, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }]
      : [],
  });
}

/** A message with a response code: the header alone, or with the question of `asked` (clients refuse an answer to nothing). */
export function encodeFailure(id: number, rcode: number, asked?: Uint8Array): Uint8Array {
  const end = asked === undefined ? undefined : questionEnd(asked);
  const out = Buffer.alloc(end ?? HEADER_BYTES);
  if (end !== undefined) out.set(asked?.subarray(0, end) ?? [], 0);
  out.writeUInt16BE(id, 0);
  out.writeUInt16BE(FLAG_RESPONSE | dnsPacket.RECURSION_AVAILABLE | rcode, 2);
  out.writeUInt16BE(end === undefined ? 0 : 1, 4);
  out.fill(0, 6, HEADER_BYTES);
  return out;
}

/** The answer as it may go over UDP: cut to header and question with the TC flag when it is too long, so that the client asks over TCP. */
export function fitDatagram(answer: Uint8Array, query: Query): Uint8Array {
  if (answer.length <= query.udpBytes) return answer;
  const out = Buffer.from(encodeAnswer({ ...query, hasEdns: false }, [], 0));
  out.writeUInt16BE(out.readUInt16BE(2) | dnsPacket.TRUNCATED_RESPONSE, 2);
  return out;
}

/** Whether `answer` belongs to `question`: same id, a response, same question section. */
export function answersTo(answer: Uint8Array, question: Uint8Array): boolean {
  if (answer.length < HEADER_BYTES || answer[0] !== question[0] || answer[1] !== question[1] || ((answer[2] ?? 0) & 0x80) === 0) return false;
  if (answer[4] === 0 && answer[5] === 0) return true; // a refusal may leave the question out
  const end = questionEnd(question);
  return end !== undefined && Buffer.compare(lowerCased(answer, end), lowerCased(question, end)) === 0;
}

function questionEnd(message: Uint8Array): number | undefined {
  let at = HEADER_BYTES;
  while (at < message.length) {
    const length = message[at] ?? 0;
    if (length === 0) return at + 5 <= message.length ? at + 5 : undefined;
    if (length > 63) return undefined;
    at += length + 1;
  }
  return undefined;
}

function lowerCased(message: Uint8Array, end: number): Buffer {
  return Buffer.from(Buffer.from(message.subarray(HEADER_BYTES, end)).toString('latin1').toLowerCase(), 'latin1');
}
