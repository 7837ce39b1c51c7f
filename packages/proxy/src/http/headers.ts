import type { CompiledHeader, CompiledHeaders, FormatSource } from '@meltemi/runtime';
import { HEADER, type HeadScanner } from '@meltemi/wire';
import { nodeBytes } from '../net/node-bytes.ts';
import { nameBytes } from './request-view.ts';

/** A head in the making, beside the lines that are kept of the one that came. */
export interface HeadDraft {
  /** Lines to append, each `name: value` with its end, names in lower case. */
  lines: string;
  /** Where the operations may replace what stands outside the header lines; undefined for responses. */
  readonly overrides: HeadOverrides | undefined;
}

/** Values that header operations may replace outside the header lines. */
export interface HeadOverrides {
  authority: string | undefined;
  path: string | undefined;
}

/** The message whose headers are changed, as formatters see it. */
export interface HeaderSource extends FormatSource {
  readonly bytes: Uint8Array;
}

/**
 * Applies a configuration's header operations to a scanned head: removed and overwritten lines are cut, also those that this hop was
 * about to add (`x-forwarded-proto`, `x-envoy-upstream-service-time`); new ones are appended to the draft.
 */
export function applyHeaders(operations: CompiledHeaders, scanner: HeadScanner, source: HeaderSource, draft: HeadDraft): void {
  for (const name of operations.remove) {
    cutAll(scanner, source.bytes, name);
    draft.lines = withoutLines(draft.lines, name);
  }
  for (const header of operations.set) {
    const { name } = header;
    const value = clean(header.constant ?? header.value(source));
    if (value === '' && !header.keepEmptyValue) continue;
    if (name === 'host' || name.startsWith(':')) {
      if (draft.overrides !== undefined) override(name, value, draft.overrides);
      else if (name === 'host') setHeader(header, value, scanner, { draft, bytes: source.bytes });
    } else if (!FRAMING.has(name)) setHeader(header, value, scanner, { draft, bytes: source.bytes });
  }
}

/** What stands outside the header lines, or must stand there once. */
function override(name: string, value: string, overrides: HeadOverrides): void {
  if (name === 'host' || name === ':authority') overrides.authority = value;
  else if (name === ':path') overrides.path = value;
}

function setHeader(
  { name, action }: CompiledHeader,
  value: string,
  scanner: HeadScanner,
  { draft, bytes }: { readonly draft: HeadDraft; readonly bytes: Uint8Array },
): void {
  if (action !== 'append') {
    const there = findKept(scanner, bytes, name) >= 0 || lineAt(draft.lines, name) >= 0;
    if (action === 'add-if-absent' ? there : action === 'overwrite-if-exists' && !there) return;
    if (there) {
      cutAll(scanner, bytes, name);
      draft.lines = withoutLines(draft.lines, name);
    }
  }
  draft.lines += `${name}: ${value}\r\n`;
}

/** Where a line of this name begins, -1 = there is none. */
export function lineAt(lines: string, name: string): number {
  const start = `${name}: `;
  if (lines.startsWith(start)) return 0;
  const at = lines.indexOf(`\n${start}`);
  return at < 0 ? -1 : at + 1;
}

/** Value of the first line of this name, undefined = there is none. */
export function lineValue(lines: string, name: string): string | undefined {
  const at = lineAt(lines, name);
  return at < 0 ? undefined : lines.slice(at + name.length + 2, lines.indexOf('\r', at));
}

/** The lines but for those of this name. */
export function withoutLines(lines: string, name: string): string {
  let rest = lines;
  for (let at = lineAt(rest, name); at >= 0; at = lineAt(rest, name)) rest = rest.slice(0, at) + rest.slice(rest.indexOf('\n', at) + 1);
  return rest;
}

/** What frames a message is not for configuration to set. */
export const FRAMING: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'keep-alive',
  'proxy-connection',
]);
/** Control characters but for the tab. */
const CONTROLS = /[^\t -~\u0080-\uffff]/g;
/** Heads are written one byte per character: what is beyond would lose its upper half, and U+010A end as a line feed. */
const BEYOND_BYTES = /[\u0100-\uffff]/;
const UNCLEAN = /[^\t -~\u0080-\u00ff]/;
const NOT_IN_TARGET = /[^!-~\u0080-\u00ff]/g;

/** A value taken from a message or a certificate must not become lines of its own. */
export function clean(value: string): string {
  return UNCLEAN.test(value) ? bytewise(value).replace(CONTROLS, '') : value;
}

/** A path that the configuration or a header's value made: nothing in it may end the request line. */
export function cleanTarget(value: string): string {
  return bytewise(value).replace(NOT_IN_TARGET, (character) => encodeURIComponent(character));
}

/** Text that is not bytes already, as the characters of its UTF-8. */
function bytewise(text: string): string {
  return BEYOND_BYTES.test(text) ? Buffer.from(text).toString('latin1') : text;
}

/** A header as it goes on: the lines that are kept of the head that came, and those that were added. undefined = none. */
export function sentValue(scanner: HeadScanner, bytes: Uint8Array, lines: string, name: string): string | undefined {
  const values: string[] = [];
  const wanted = nameBytes(name);
  for (let at = scanner.find(bytes, wanted); at >= 0; at = scanner.find(bytes, wanted, at + 1))
    if (scanner.cut[at] === 0) values.push(nodeBytes.latin1(bytes, scanner.valueStart(at), scanner.valueEnd(at)));
  for (let rest = lines, at = lineAt(rest, name); at >= 0; at = lineAt(rest, name)) {
    const end = rest.indexOf('\r', at);
    values.push(rest.slice(at + name.length + 2, end));
    rest = rest.slice(end + 2);
  }
  return values.length === 0 ? undefined : values.join(',');
}

function findKept(scanner: HeadScanner, bytes: Uint8Array, name: string): number {
  const wanted = nameBytes(name);
  let at = scanner.find(bytes, wanted);
  while (at >= 0 && scanner.cut[at] === 1) at = scanner.find(bytes, wanted, at + 1);
  return at;
}

/** Cuts every line of this name, unless it frames the message. */
function cutAll(scanner: HeadScanner, bytes: Uint8Array, name: string): void {
  if (FRAMING.has(name) || name === 'host') return;
  const wanted = nameBytes(name);
  for (let at = scanner.find(bytes, wanted); at >= 0; at = scanner.find(bytes, wanted, at + 1)) scanner.drop(at);
}

/** Cuts the lines whose names hold an underscore; answers whether there was one. */
export function dropUnderscored(scanner: HeadScanner, bytes: Uint8Array): boolean {
  let found = false;
  for (let i = 0; i < scanner.count; i++) {
    const at = bytes.indexOf(UNDERSCORE, scanner.nameStart(i));
    if (at < 0 || at >= scanner.nameEnd(i)) continue;
    found = true;
    scanner.drop(i);
  }
  return found;
}

const UNDERSCORE = 95;

/** Copies the header lines that are not cut to `out` at `at`; answers the index after them. */
export function copyKept(scanner: HeadScanner, bytes: Buffer, out: Buffer, at: number): number {
  const { headersStart, headersEnd } = scanner;
  if (scanner.cuts === 0) return at + bytes.copy(out, at, headersStart, headersEnd);
  let from = headersStart;
  for (let i = 0; i < scanner.count; i++) {
    if (scanner.cut[i] === 0) continue;
    const start = scanner.nameStart(i);
    if (start > from) at += bytes.copy(out, at, from, start);
    from = scanner.lineEnd(i);
  }
  if (headersEnd > from) at += bytes.copy(out, at, from, headersEnd);
  return at;
}

/** Headers by which one proxy instructs another; they are believed of internal clients only. */
export const INTERNAL_HEADERS: readonly number[] = [
  HEADER['x-envoy-upstream-rq-timeout-ms'],
  HEADER['x-envoy-upstream-rq-per-try-timeout-ms'],
  HEADER['x-envoy-max-retries'],
  HEADER['x-envoy-retry-on'],
  HEADER['x-envoy-retriable-status-codes'],
  HEADER['x-envoy-retry-grpc-on'],
  HEADER['x-envoy-retriable-header-names'],
  HEADER['x-envoy-expected-rq-timeout-ms'],
  HEADER['x-envoy-internal'],
  HEADER['x-envoy-hedge-on-per-try-timeout'],
  HEADER['x-envoy-force-trace'],
  HEADER['x-envoy-ip-tags'],
];

/** What no client from outside may say about itself, at the edge. */
export const EDGE_HEADERS: readonly number[] = [
  HEADER['x-envoy-downstream-service-cluster'],
  HEADER['x-envoy-downstream-service-node'],
  HEADER['x-envoy-external-address'],
  HEADER['x-envoy-decorator-operation'],
  HEADER['x-envoy-original-path'],
  HEADER['x-envoy-original-host'],
];
