/* oxlint-disable complexity -- a byte scanner: one pass with its state in local variables; a call per byte costs a third of its speed. */
import { ascii, matches } from './ascii.ts';
import { readConnection } from './connection-field.ts';
import { lengthValue } from './content-length.ts';
import { HEADER, KNOWN_COUNT, knownHeader } from './known-headers.ts';
import { DEFAULT_LIMITS, type WireError, type WireLimits } from './limits.ts';
import { AUTHORITY, FIELD_VALUE, LOWER, TARGET, TOKEN } from './tables.ts';

const CR = 13;
const LF = 10;
const SP = 32;
const TAB = 9;
const COLON = 58;
const { host: HOST, connection: CONNECTION, te: TE, upgrade: UPGRADE_ID } = HEADER;
const {
  'content-length': CONTENT_LENGTH,
  'transfer-encoding': TRANSFER_ENCODING,
  'keep-alive': KEEP_ALIVE_ID,
  'proxy-connection': PROXY_CONNECTION,
} = HEADER;
/** Numbers per header in `slots`. */
const STRIDE = 4;

/** The scanner needs more bytes. */
export const NEED_MORE = 0;
/** The message is refused; `error` says why. */
export const REFUSED = -1;

/** A head that was built from checked lines; places as in the scanner, which `bytes[0]` begins. */
export interface AdoptableHead {
  readonly end: number;
  readonly headersStart: number;
  readonly status: number;
  readonly contentLength: number;
  readonly count: number;
  /** Start and end of name and value of each line. */
  readonly slots: Int32Array;
  /** Known id of each line, -1 = none. */
  readonly ids: Int8Array;
  readonly pseudo: { readonly methodEnd: number; readonly targetEnd: number };
}

/**
 * Reads HTTP/1.x message heads (RFC 9112) strictly: what two parsers could understand differently is refused, not repaired. Results
 * stand in the scanner's own fields and are valid until the next scan; nothing is allocated. Offsets are into the scanned bytes.
 */
export class HeadScanner {
  error: WireError = 'bad-start-line';
  /** Minor version, 0 or 1. */
  minor = 1;
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  status = 0;
  /** First byte of the first header line, and the first byte of the empty line. */
  headersStart = 0;
  headersEnd = 0;
  /** Number of headers. */
  count = 0;
  /** -1 = no `Content-Length`. */
  contentLength = -1;
  chunked = false;
  /** From `Connection`. */
  close = false;
  keepAlive = false;
  upgrade = false;
  /** For each known header: number of its first line plus one, 0 = absent. Index by `HEADER[…]`. */
  readonly known = new Uint8Array(KNOWN_COUNT);
  /** 1 for header lines that a proxy must not pass on (hop-by-hop, RFC 9110 section 7.6.1); callers add their own. */
  readonly cut: Uint8Array;
  /** Known id per header, -1 = none. */
  readonly ids: Int8Array;
  /** Number of lines in `cut`. */
  cuts = 0;
  readonly #slots: Int32Array;
  #limits: WireLimits;
  #connectionLines = 0;

  constructor(limits: WireLimits = DEFAULT_LIMITS) {
    if (limits.maxHeaders > 254) throw new RangeError(`maxHeaders ${limits.maxHeaders} is more than 254, which is what the scanner's tables hold`);
    this.#limits = limits;
    this.cut = new Uint8Array(limits.maxHeaders);
    this.ids = new Int8Array(limits.maxHeaders);
    this.#slots = new Int32Array(limits.maxHeaders * STRIDE);
  }

  nameStart(header: number): number {
    return this.#slots[header * STRIDE] as number;
  }
  nameEnd(header: number): number {
    return this.#slots[header * STRIDE + 1] as number;
  }
  valueStart(header: number): number {
    return this.#slots[header * STRIDE + 2] as number;
  }
  valueEnd(header: number): number {
    return this.#slots[header * STRIDE + 3] as number;
  }
  /** One past the line's LF. */
  lineEnd(header: number): number {
    return header + 1 < this.count ? (this.#slots[(header + 1) * STRIDE] as number) : this.headersEnd;
  }

  /** Marks a header line as not to be passed on. */
  drop(header: number): void {
    if (this.cut[header] === 0) {
      this.cut[header] = 1;
      this.cuts++;
    }
  }

  /** The body's length will be another one: the line goes, and so does what it said. */
  dropLength(): void {
    this.dropKnown(CONTENT_LENGTH);
    this.contentLength = -1;
  }

  /** Drops the lines of a known header, if any. */
  dropKnown(id: number): void {
    const first = this.known[id] as number;
    if (first === 0) return;
    for (let i = first - 1; i < this.count; i++) if (this.ids[i] === id) this.drop(i);
  }

  /** Number of the next line named `lowerName` (bytes) at or after `from`, -1 = none. */
  find(bytes: Uint8Array, lowerName: Uint8Array, from = 0): number {
    const length = lowerName.length;
    for (let i = from; i < this.count; i++) {
      const start = this.nameStart(i);
      if (this.nameEnd(i) - start !== length) continue;
      let k = 0;
      while (k < length && LOWER[bytes[start + k] as number] === lowerName[k]) k++;
      if (k === length) return i;
    }
    return -1;
  }

  /** Scans a request head at `start`. Answers the index after it, `NEED_MORE` or `REFUSED`. */
  request(bytes: Uint8Array, start: number, end: number): number {
    const over = end - start > this.#limits.maxHeadBytes;
    let p = start;
    while (p < end && TOKEN[bytes[p] as number] === 1) p++;
    if (p >= end) return this.#more(over);
    if (bytes[p] !== SP || p === start) return this.#refuse('bad-start-line');
    this.methodStart = start;
    this.methodEnd = p;
    const target = ++p;
    while (p < end && TARGET[bytes[p] as number] === 1) p++;
    if (p >= end) return this.#more(over);
    if (bytes[p] !== SP || p === target) return this.#refuse('bad-target');
    this.targetStart = target;
    this.targetEnd = p;
    // "HTTP/1.x" CR LF
    const got = this.#version(bytes, p + 1, end);
    if (got < 0) return this.#refuse('bad-version');
    if (p + 10 >= end) return this.#more(over);
    if (bytes[p + 9] !== CR || bytes[p + 10] !== LF) return this.#refuse('bad-version');
    const after = this.#headers(bytes, p + 11, end, over);
    return after > 0 ? this.#checkRequest(bytes, after, start) : after;
  }

  /** Scans a response head at `start`. Answers the index after it, `NEED_MORE` or `REFUSED`. */
  response(bytes: Uint8Array, start: number, end: number): number {
    const over = end - start > this.#limits.maxHeadBytes;
    if (this.#version(bytes, start, end) < 0) return this.#refuse('bad-version');
    if (end - start < 12) return this.#more(over);
    const hundreds = (bytes[start + 9] as number) - 48;
    const tens = (bytes[start + 10] as number) - 48;
    const ones = (bytes[start + 11] as number) - 48;
    if (bytes[start + 8] !== SP || hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9)
      return this.#refuse('bad-start-line');
    this.status = hundreds * 100 + tens * 10 + ones;
    let p = start + 12;
    if (p >= end) return this.#more(over);
    if (bytes[p] !== CR && bytes[p] !== SP) return this.#refuse('bad-start-line');
    while (p < end && FIELD_VALUE[bytes[p] as number] === 1) p++;
    if (p + 1 >= end) return p < end && bytes[p] !== CR ? this.#refuse('bad-start-line') : this.#more(over);
    if (bytes[p] !== CR || bytes[p + 1] !== LF) return this.#refuse('bad-start-line');
    const after = this.#headers(bytes, p + 2, end, over);
    if (after <= 0) return after;
    if (after - start > this.#limits.maxHeadBytes) return this.#refuse('head-too-large');
    if (this.chunked && this.contentLength >= 0) return this.#refuse('length-and-encoding');
    if (this.chunked && this.minor === 0) return this.#refuse('bad-encoding');
    return after;
  }

  /**
   * Takes a head whose lines are known already, as if it had been scanned: HTTP/1.1, checked, without any field of the connection.
   * False = over the limits.
   */
  adopt(head: AdoptableHead): boolean {
    const { count, slots, ids, headersStart, pseudo } = head;
    this.#reset(headersStart);
    if (head.end > this.#limits.maxHeadBytes || count > this.#limits.maxHeaders) {
      this.error = count > this.#limits.maxHeaders ? 'too-many-headers' : 'head-too-large';
      return false;
    }
    this.minor = 1;
    this.status = head.status;
    this.methodStart = 0;
    this.methodEnd = pseudo.methodEnd;
    this.targetStart = pseudo.methodEnd + 1;
    this.targetEnd = pseudo.targetEnd;
    this.headersEnd = head.end - 2;
    this.contentLength = head.contentLength;
    this.count = count;
    const mine = this.#slots;
    for (let i = count * STRIDE - 1; i >= 0; i--) mine[i] = slots[i] as number;
    // From the last to the first, so that `known` ends at the first.
    for (let i = count - 1; i >= 0; i--) {
      const id = ids[i] as number;
      this.ids[i] = id;
      this.cut[i] = 0;
      if (id >= 0) this.known[id] = i + 1;
    }
    return true;
  }

  #more(over: boolean): number {
    return over ? this.#refuse('head-too-large') : NEED_MORE;
  }

  #refuse(error: WireError): number {
    this.error = error;
    return REFUSED;
  }

  /** Checks as much of "HTTP/1.x" as is there; -1 when it is something else. */
  #version(bytes: Uint8Array, at: number, end: number): number {
    for (let i = 0; i < 7 && at + i < end; i++) if (bytes[at + i] !== VERSION[i]) return -1;
    if (at + 7 >= end) return 0;
    const minor = (bytes[at + 7] as number) - 48;
    if (minor !== 0 && minor !== 1) return -1;
    this.minor = minor;
    return 1;
  }

  #reset(start: number): void {
    this.headersStart = start;
    // Only what the last head set is cleared: `fill` costs as much as scanning several lines.
    for (let i = 0; i < this.count; i++) {
      const id = this.ids[i] as number;
      if (id >= 0) this.known[id] = 0;
    }
    this.count = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.cuts = 0;
    this.#connectionLines = 0;
  }

  #headers(bytes: Uint8Array, start: number, end: number, over: boolean): number {
    this.#reset(start);
    const slots = this.#slots;
    const { maxHeaders } = this.#limits;
    let p = start;
    for (;;) {
      if (p >= end) return this.#more(over);
      const nameStart = p;
      if (bytes[p] === CR) {
        if (p + 1 >= end) return this.#more(over);
        if (bytes[p + 1] !== LF) return this.#refuse('bad-header');
        this.headersEnd = p;
        if (this.#connectionLines > 0 && !readConnection(this, bytes)) return REFUSED;
        if (!this.upgrade) this.dropKnown(UPGRADE_ID);
        return p + 2;
      }
      while (p < end && TOKEN[bytes[p] as number] === 1) p++;
      if (p >= end) return this.#more(over);
      // Refuses "name :", folded lines, bare LF and empty names at once.
      if (bytes[p] !== COLON || p === nameStart) return this.#refuse('bad-header');
      const nameEnd = p++;
      while (p < end && (bytes[p] === SP || bytes[p] === TAB)) p++;
      const valueStart = p;
      while (p < end && FIELD_VALUE[bytes[p] as number] === 1) p++;
      if (p >= end) return this.#more(over);
      if (bytes[p] !== CR) return this.#refuse('bad-header');
      if (p + 1 >= end) return this.#more(over);
      if (bytes[p + 1] !== LF) return this.#refuse('bad-header');
      let valueEnd = p;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === TAB)) valueEnd--;
      p += 2;
      const header = this.count;
      if (header >= maxHeaders) return this.#refuse('too-many-headers');
      this.count = header + 1;
      const at = header * STRIDE;
      slots[at] = nameStart;
      slots[at + 1] = nameEnd;
      slots[at + 2] = valueStart;
      slots[at + 3] = valueEnd;
      this.cut[header] = 0;
      const id = knownHeader(bytes, nameStart, nameEnd);
      this.ids[header] = id;
      if (id >= 0) {
        const again = this.known[id] !== 0;
        if (!again) this.known[id] = header + 1;
        if (id <= TE && !this.#framing(bytes, id, header, again)) return REFUSED;
      }
    }
  }

  /** The headers that decide where the message ends and what goes no further. */
  #framing(bytes: Uint8Array, id: number, header: number, again: boolean): boolean {
    switch (id) {
      case HOST:
        if (!again) return true;
        this.error = 'bad-host';
        return false;
      case CONNECTION:
        this.#connectionLines++;
        this.drop(header);
        return true;
      case CONTENT_LENGTH:
        return this.#length(bytes, header, again);
      case TRANSFER_ENCODING:
        // Only `chunked`, once: everything else is understood differently by different servers.
        if (again || !matches(bytes, this.valueStart(header), this.valueEnd(header), CHUNKED)) {
          this.error = 'bad-encoding';
          return false;
        }
        this.chunked = true;
        return true;
      case KEEP_ALIVE_ID:
      case PROXY_CONNECTION:
        this.drop(header);
        return true;
      case TE:
        if (!matches(bytes, this.valueStart(header), this.valueEnd(header), TRAILERS)) this.drop(header);
        return true;
      default:
        return true;
    }
  }

  #length(bytes: Uint8Array, header: number, again: boolean): boolean {
    const value = lengthValue(bytes, this.valueStart(header), this.valueEnd(header));
    // Two lines that agree are refused as well: who reads the first and who reads the last would be asked to agree on the rest, too.
    if (value < 0 || again) {
      this.error = 'bad-length';
      return false;
    }
    this.contentLength = value;
    return true;
  }

  #checkRequest(bytes: Uint8Array, after: number, start: number): number {
    if (after - start > this.#limits.maxHeadBytes) return this.#refuse('head-too-large');
    if (this.chunked && this.contentLength >= 0) return this.#refuse('length-and-encoding');
    if (this.chunked && this.minor === 0) return this.#refuse('bad-encoding');
    const host = this.known[HOST] as number;
    if (host === 0) return this.minor === 1 ? this.#refuse('no-host') : after;
    const end = this.valueEnd(host - 1);
    for (let i = this.valueStart(host - 1); i < end; i++) if (AUTHORITY[bytes[i] as number] === 0) return this.#refuse('bad-host');
    return after;
  }
}

const VERSION = ascii('HTTP/1.');
const CHUNKED = ascii('chunked');
const TRAILERS = ascii('trailers');
