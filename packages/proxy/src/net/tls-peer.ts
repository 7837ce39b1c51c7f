import { createHash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { compileStringMatch } from '@meltemi/match';
import type { CommonTls, SanMatch } from '@meltemi/runtime';
import type { AltName, TlsInfo } from '../types.ts';

const TYPES: Readonly<Record<string, AltName['type']>> = { URI: 'uri', DNS: 'dns', email: 'email', 'IP Address': 'ip' };

/**
 * Splits Node's text form of the names. A value that could be confused with the syntax comes as a JSON string, so a comma inside
 * quotes does not separate (CVE-2021-44532).
 */
export function parseAltNames(text: string | undefined): readonly AltName[] {
  const names: AltName[] = [];
  const pattern = /([^:,]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/y;
  while (text !== undefined && pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return [];
    const [, type = '', raw = ''] = match;
    names.push({ type: TYPES[type] ?? 'other', value: raw.startsWith('"') ? (JSON.parse(raw) as string) : raw });
  }
  return names;
}

/** Does the certificate carry one of the names asked for? An empty list asks for nothing. */
export function compileSanCheck(wanted: readonly SanMatch[]): (names: readonly AltName[]) => boolean {
  if (wanted.length === 0) return () => true;
  const tests = wanted.map(({ type, match }) => {
    const { value, ignoreCase } = match;
    const test = type === 'dns' && match.t === 'exact' ? dnsTest(value) : compileStringMatch({ ...STRING_MATCH[match.t](value), ignoreCase });
    return (name: AltName) => name.type === type && test(name.value);
  });
  return (names) => names.some((name) => tests.some((test) => test(name)));
}

/** A whole name in any case; a star in the certificate stands for the first label or a part of it, as in Envoy. */
function dnsTest(wanted: string): (name: string) => boolean {
  const [label, rest] = firstLabel(wanted.toLowerCase());
  return (name) => {
    const [shown, others] = firstLabel(name.toLowerCase());
    if (others !== rest) return false;
    if (shown === label) return true;
    const [before = '', after, ...more] = shown.split('*');
    if (after === undefined || more.length > 0 || rest === '' || shown.startsWith('xn--')) return false;
    return label.length >= before.length + after.length && label.startsWith(before) && label.endsWith(after);
  };
}

/** The label, and what comes behind it with its dot. */
function firstLabel(name: string): readonly [label: string, rest: string] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot)];
}

const STRING_MATCH = {
  exact: (exact: string) => ({ exact }),
  prefix: (prefix: string) => ({ prefix }),
  suffix: (suffix: string) => ({ suffix }),
  contains: (contains: string) => ({ contains }),
  regex: (regex: string) => ({ regex }),
} as const;

/** Is it one of the certificates, or does it carry one of the keys, that are asked for? Nothing asked for: any. */
export function isPinned(certificate: X509Certificate, pins: CommonTls['pins']): boolean {
  if (pins.certificates.length === 0 && pins.keys.length === 0) return true;
  if (pins.certificates.includes(certificate.fingerprint256.replaceAll(':', '').toLowerCase())) return true;
  if (pins.keys.length === 0) return false;
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return pins.keys.includes(createHash('sha256').update(key).digest('hex'));
}

/** Does the certificate stand for this server name (DNS or IP)? */
export function matchesHost(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)) !== undefined;
}

/** The first SPIFFE ID among the names, '' = none. */
export function spiffeName(names: readonly AltName[]): string {
  return (
    names.find((name) => name.type === 'uri' && name.value.startsWith('spiffe://'))?.value ?? names.find((name) => name.type === 'uri')?.value ?? ''
  );
}

/** What is worth remembering of an established TLS connection. `certificate` is the peer's, once VERIFIED; undefined = none. */
export function tlsInfo(socket: TLSSocket, serverName: string, certificate: X509Certificate | undefined, localUri: string): TlsInfo {
  let hash: string | undefined;
  const names = parseAltNames(certificate?.subjectAltName);
  return {
    version: socket.getProtocol() ?? '',
    // The name of OpenSSL, as Envoy says it.
    cipher: socket.getCipher().name,
    serverName,
    alpn: socket.alpnProtocol === false ? '' : (socket.alpnProtocol ?? ''),
    peerUri: spiffeName(names),
    localUri,
    get peerHash() {
      return (hash ??= certificate?.fingerprint256.replaceAll(':', '').toLowerCase() ?? '');
    },
    peerSubject: certificate === undefined || certificate.subject === undefined ? '' : certificate.subject.split('\n').reverse().join(','),
    peerDns: names.filter(({ type }) => type === 'dns').map(({ value }) => value),
    get peerPem() {
      return certificate?.toString() ?? '';
    },
    certificate,
    peerNames: names,
  };
}
