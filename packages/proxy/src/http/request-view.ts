import type { MetadataStruct, RequestView } from '@meltemi/runtime';
import { ascii, HEADER, type HeadScanner } from '@meltemi/wire';
import { nodeBytes } from '../net/node-bytes.ts';
import type { StreamInfo } from '../types.ts';

const KNOWN: ReadonlyMap<string, number> = new Map(Object.entries(HEADER));
const MAX_NAMES = 4096;
const names = new Map<string, Uint8Array>();

/** A header name as the scanner compares it. Names come from configuration, so few are kept. */
export function nameBytes(name: string): Uint8Array {
  let bytes = names.get(name);
  if (bytes === undefined) {
    if (names.size >= MAX_NAMES) names.clear();
    bytes = ascii(name);
    names.set(name, bytes);
  }
  return bytes;
}

/** Value of a header of the head just scanned, several joined by `,`; undefined = absent. `name` is lower-case. */
export function headerValue(scanner: HeadScanner, bytes: Uint8Array, name: string): string | undefined {
  const id = KNOWN.get(name);
  if (id !== undefined && scanner.known[id] === 0) return undefined;
  const wanted = nameBytes(name);
  let at = id === undefined ? scanner.find(bytes, wanted) : (scanner.known[id] as number) - 1;
  if (at < 0) return undefined;
  let value = nodeBytes.latin1(bytes, scanner.valueStart(at), scanner.valueEnd(at));
  while ((at = scanner.find(bytes, wanted, at + 1)) >= 0) value += `,${nodeBytes.latin1(bytes, scanner.valueStart(at), scanner.valueEnd(at))}`;
  return value;
}

/** First value of a known header, '' when absent. */
export function knownValue(scanner: HeadScanner, bytes: Uint8Array, id: number): string {
  const header = scanner.known[id] as number;
  return header === 0 ? '' : nodeBytes.latin1(bytes, scanner.valueStart(header - 1), scanner.valueEnd(header - 1));
}

/** Like `knownValue`; the same string as `last` when it says the same. */
export function repeatedValue(scanner: HeadScanner, bytes: Uint8Array, id: number, last: string): string {
  const header = scanner.known[id] as number;
  if (header === 0) return '';
  const start = scanner.valueStart(header - 1);
  const end = scanner.valueEnd(header - 1);
  const { length } = last;
  let same = length === end - start;
  for (let i = 0; same && i < length; i++) same = last.charCodeAt(i) === bytes[start + i];
  return same ? last : nodeBytes.latin1(bytes, start, end);
}

/** What a hop makes of a header: another value, none, or what came. */
export type HopValue = 'as-came' | { readonly value: string | undefined };

/** Whose head is shown. */
export interface ViewOwner {
  /** The header of this id, `HEADER[name]`. */
  hopHeader(id: number): HopValue;
}

/** The lines of a name that are not cut, joined by `,`; undefined = there is none. */
function keptValue(scanner: HeadScanner, bytes: Uint8Array, name: string): string | undefined {
  if (scanner.cuts === 0) return headerValue(scanner, bytes, name);
  const values = keptValues(scanner, bytes, name);
  return values.length === 0 ? undefined : values.join(',');
}

function keptValues(scanner: HeadScanner, bytes: Uint8Array, name: string): readonly string[] {
  const wanted = nameBytes(name);
  const values: string[] = [];
  for (let at = scanner.find(bytes, wanted); at >= 0; at = scanner.find(bytes, wanted, at + 1))
    if (scanner.cut[at] === 0) values.push(nodeBytes.latin1(bytes, scanner.valueStart(at), scanner.valueEnd(at)));
  return values;
}

/** A scanned request head as matchers see it. One per thread: valid until the next head is scanned. */
export class HeadView implements RequestView {
  method = '';
  path = '';
  authority = '';
  scheme: 'http' | 'https' = 'http';
  /** The stream that the request belongs to. */
  info: Pick<StreamInfo, 'connection' | 'dynamicMetadata'> | undefined = undefined;
  owner: ViewOwner | undefined = undefined;
  readonly scanner: HeadScanner;
  bytes: Uint8Array = new Uint8Array(0);

  constructor(scanner: HeadScanner) {
    this.scanner = scanner;
  }

  /** The last answer: tables ask for one header in route after route. */
  #lastName = '';
  #lastValue: string | undefined = undefined;

  header(name: string): string | undefined {
    if (name === this.#lastName) return this.#lastValue;
    this.#lastName = name;
    const hop = this.#hop(name);
    return (this.#lastValue = hop === 'as-came' ? keptValue(this.scanner, this.bytes, name) : hop.value);
  }

  values(name: string): readonly string[] {
    const hop = this.#hop(name);
    if (hop === 'as-came') return keptValues(this.scanner, this.bytes, name);
    return hop.value === undefined ? [] : [hop.value];
  }

  #hop(name: string): HopValue {
    const id = KNOWN.get(name);
    return id === undefined || this.owner === undefined ? 'as-came' : this.owner.hopHeader(id);
  }

  /** (A certificate that is not valid ends the handshake.) */
  get certificate(): RequestView['certificate'] {
    const tls = this.info?.connection.tls;
    return tls === undefined || tls.peerHash === '' ? undefined : 'validated';
  }

  metadata(namespace: string): MetadataStruct | undefined {
    return this.info?.dynamicMetadata?.get(namespace);
  }

  /** Another head is shown now. */
  renew(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#lastName = '';
    this.#lastValue = undefined;
  }
}
