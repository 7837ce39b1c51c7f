import { ascii, matches } from './ascii.ts';
import { HEADER, knownHeader } from './known-headers.ts';
import type { WireError } from './limits.ts';
import { LOWER, TOKEN } from './tables.ts';

const SP = 32;
const TAB = 9;
const COMMA = 44;
const { connection: CONNECTION, upgrade: UPGRADE_ID, 'transfer-encoding': TRANSFER_ENCODING } = HEADER;
/** `x-forwarded-for`, `-proto` and `-host` have ids that follow each other. */
const FORWARDED_FIRST = HEADER['x-forwarded-for'];
const FORWARDED_LAST = HEADER['x-forwarded-host'];
/** Options of `Connection` lines; each is looked for among all headers, so that tens of thousands of them would keep a core busy. */
const MAX_OPTIONS = 64;

/** The head whose `Connection` lines are read, and what they say of it. */
export interface ConnectionHead {
  error: WireError;
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
  readonly count: number;
  readonly ids: Int8Array;
  readonly known: Uint8Array;
  valueStart(header: number): number;
  valueEnd(header: number): number;
  find(bytes: Uint8Array, lowerName: Uint8Array, from?: number): number;
  drop(header: number): void;
}

/**
 * Reads every `Connection` line of a head (RFC 9110 section 7.6.1): its options, and the headers it makes hop-by-hop. False = the head is
 * refused; `error` says why.
 */
export function readConnection(head: ConnectionHead, bytes: Uint8Array): boolean {
  let options = 0;
  for (let i = (head.known[CONNECTION] as number) - 1; i < head.count && options >= 0; i++)
    if (head.ids[i] === CONNECTION) options = readLine(head, bytes, i, options);
  return options >= 0;
}

/** Reads one line. Answers how many options there are with it, -1 = the head is refused. */
function readLine(head: ConnectionHead, bytes: Uint8Array, line: number, before: number): number {
  const end = head.valueEnd(line);
  let options = before;
  let p = head.valueStart(line);
  while (p < end) {
    while (p < end && (bytes[p] === COMMA || isBlank(bytes[p] as number))) p++;
    const start = p;
    while (p < end && TOKEN[bytes[p] as number] === 1) p++;
    if (p > start && (++options > MAX_OPTIONS || !readOption(head, bytes, start, p))) return refuse(head, 'bad-connection');
    p = afterBlanks(bytes, p, end);
    if (p < end && bytes[p] !== COMMA) return refuse(head, 'bad-header');
  }
  return options;
}

function afterBlanks(bytes: Uint8Array, start: number, end: number): number {
  let p = start;
  while (p < end && isBlank(bytes[p] as number)) p++;
  return p;
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === TAB;
}

function refuse(head: ConnectionHead, error: WireError): number {
  head.error = error;
  return -1;
}

/** False = no option that a client may name. */
function readOption(head: ConnectionHead, bytes: Uint8Array, start: number, end: number): boolean {
  if (matches(bytes, start, end, CLOSE)) head.close = true;
  else if (matches(bytes, start, end, KEEP_ALIVE)) head.keepAlive = true;
  else if (matches(bytes, start, end, UPGRADE)) head.upgrade = head.known[UPGRADE_ID] !== 0;
  else {
    const id = knownHeader(bytes, start, end);
    // A client must not be able to take away what frames or addresses the message.
    if (id >= 0 && id <= TRANSFER_ENCODING) return true;
    // Taking these away would hide where the request comes from.
    if (id >= FORWARDED_FIRST && id <= FORWARDED_LAST) return false;
    const name = bytes.subarray(start, end).map((byte) => LOWER[byte] as number);
    for (let i = head.find(bytes, name); i >= 0; i = head.find(bytes, name, i + 1)) head.drop(i);
  }
  return true;
}

const CLOSE = ascii('close');
const KEEP_ALIVE = ascii('keep-alive');
const UPGRADE = ascii('upgrade');
