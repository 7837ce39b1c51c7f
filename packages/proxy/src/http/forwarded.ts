import type { ClientCertDetails } from '@meltemi/runtime';
import { HEADER, type HeadScanner } from '@meltemi/wire';
import type { ConnectionInfo, TlsInfo } from '../types.ts';
import type { Exchange } from './exchange.ts';
import { clean } from './headers.ts';
import { headerValue, knownValue, type HopValue } from './request-view.ts';

const XFF = HEADER['x-forwarded-for'];
const XFP = HEADER['x-forwarded-proto'];
const PORT = HEADER['x-forwarded-port'];
const XFCC = HEADER['x-forwarded-client-cert'];

/** `x-forwarded-for`, `x-forwarded-proto`, `x-forwarded-port` where it is asked for, and, at the edge for clients from outside, `x-envoy-external-address` as lines to append. */
export function forwardedLines(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): string {
  const { config, edge } = x.plan;
  const { connection } = x.info;
  let lines = edge && !x.internal ? `x-envoy-external-address: ${clean(externalAddress(x, scanner, bytes))}\r\n` : '';
  if (edge && !config.skipXffAppend) lines += appendedClient(x, scanner, bytes);
  else if (scanner.known[XFF] !== 0) x.info.forwardedFor = headerValue(scanner, bytes, 'x-forwarded-for') ?? '';
  if (isSchemeOurs(x, scanner)) {
    scanner.dropKnown(XFP);
    lines += connection.tls === undefined ? 'x-forwarded-proto: http\r\n' : 'x-forwarded-proto: https\r\n';
  }
  if (!isPortOurs(x, scanner)) return lines;
  if (scanner.known[PORT] !== 0) scanner.dropKnown(PORT);
  return `${lines}x-forwarded-port: ${connection.originalPort}\r\n`;
}

/** Is `x-forwarded-port` this hop's to say, where it is asked for? */
export function isPortOurs({ plan }: Exchange, scanner: HeadScanner): boolean {
  return plan.config.appendForwardedPort && ((plan.edge && plan.config.xffNumTrustedHops === 0) || scanner.known[PORT] === 0);
}

/** Is `x-forwarded-proto` this hop's to say, whatever came? */
export function isSchemeOurs({ plan }: Exchange, scanner: HeadScanner): boolean {
  return (plan.edge && plan.config.xffNumTrustedHops === 0) || scanner.known[XFP] === 0;
}

function appendedClient(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): string {
  x.info.forwardedFor = forwardedFor(x, scanner, bytes);
  scanner.dropKnown(XFF);
  return `x-forwarded-for: ${x.info.forwardedFor}\r\n`;
}

/** `x-forwarded-for` with the client's address at its end. */
export function forwardedFor({ info }: Exchange, scanner: HeadScanner, bytes: Uint8Array): string {
  const { remoteAddress } = info.connection;
  const before = headerValue(scanner, bytes, 'x-forwarded-for');
  return before === undefined || before === '' ? remoteAddress : `${before},${remoteAddress}`;
}

/**
 * Does the request come from one of ours? Only if it has passed no other proxy on its way: Envoy's rule is one address, and that one internal.
 * The request's head must be in the scanner as it came.
 */
export function isInternalRequest(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): boolean {
  const { isInternal, config } = x.plan;
  if (isInternal === undefined) return false;
  const told = scanner.known[XFF] === 0 ? undefined : headerValue(scanner, bytes, 'x-forwarded-for');
  if (config.useRemoteAddress) return told === undefined && isInternal(x.info.connection.remoteAddress);
  return told !== undefined && !told.includes(',') && config.xffNumTrustedHops === 0 && isInternal(told.trim());
}

/** The client's address: the connection's, or what the trusted proxies before us say of it. */
export function externalAddress(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): string {
  const hops = x.plan.config.xffNumTrustedHops;
  const told = hops === 0 ? undefined : headerValue(scanner, bytes, 'x-forwarded-for')?.split(',').at(-hops)?.trim();
  return told ?? x.info.connection.remoteAddress;
}

/** The scheme that routes and redirects see. */
export function schemeOf(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): 'http' | 'https' {
  const trusted = !(x.plan.edge && x.plan.config.xffNumTrustedHops === 0);
  const told = trusted && scanner.known[XFP] !== 0 ? knownValue(scanner, bytes, XFP) : '';
  if (told === 'http' || told === 'https') return told;
  return x.info.connection.tls === undefined ? 'http' : 'https';
}

const elements = new WeakMap<ConnectionInfo, string>();

/** Does with the client's `x-forwarded-client-cert` what the connection manager says, and adds our own element; a line or ''. */
export function clientCertLine(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): string {
  const told = clientCert(x, scanner, bytes);
  if (told === 'as-came') return '';
  scanner.dropKnown(XFCC);
  return told.value === undefined ? '' : `x-forwarded-client-cert: ${told.value}\r\n`;
}

/** What is told of the client's certificate. */
export function clientCert(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): HopValue {
  const { forwardClientCert } = x.plan.config;
  if (forwardClientCert === 'always-forward-only') return 'as-came';
  const { tls } = x.info.connection;
  const mutual = tls !== undefined && tls.peerUri + tls.peerSubject !== '';
  if (forwardClientCert === 'sanitize' || !mutual) return NO_CERT;
  if (forwardClientCert === 'forward-only') return 'as-came';
  const before = forwardClientCert === 'append-forward' ? headerValue(scanner, bytes, 'x-forwarded-client-cert') : undefined;
  return { value: `${before === undefined || before === '' ? '' : `${before},`}${certElement(x)}` };
}

const NO_CERT: HopValue = { value: undefined };

function certElement(x: Exchange): string {
  const { connection } = x.info;
  let element = elements.get(connection);
  if (element === undefined) {
    const parts = connection.tls === undefined ? [] : certParts(connection.tls, x.plan.config.clientCertDetails);
    element = clean(parts.join(';'));
    elements.set(connection, element);
  }
  return element;
}

/** `By=…;Hash=…` and what else is asked for, in Envoy's order. */
function certParts(tls: TlsInfo, details: ClientCertDetails): readonly string[] {
  const parts = [`By=${tls.localUri}`, `Hash=${tls.peerHash}`];
  if (details.cert) parts.push(`Cert="${encodeURIComponent(tls.peerPem)}"`);
  if (details.subject) parts.push(`Subject="${tls.peerSubject.replace(/[\\"]/g, '\\$&')}"`);
  if (details.uri) parts.push(`URI=${tls.peerUri}`);
  // A name that could be taken for syntax would forge an element.
  if (details.dns) parts.push(...tls.peerDns.filter((name) => /^[\w.*-]+$/.test(name)).map((name) => `DNS=${name}`));
  return parts;
}
