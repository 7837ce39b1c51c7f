import { X509Certificate } from 'node:crypto';
import { field, text, type Json, type JsonObject } from './config-dump.ts';
import type { Rows } from './rows.ts';

/** Certificates of a proxy, without their keys: name, kind, SPIFFE ID, serial, validity. */
export function secretRows(secrets: readonly JsonObject[], nowMs: number = Date.now()): Rows {
  const rows = secrets.flatMap((entry) => certificates(entry).map(({ type, certificate }) => row(text(entry['name']), type, certificate, nowMs)));
  return { heads: ['RESOURCE NAME', 'TYPE', 'SPIFFE ID', 'VALID', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE'], rows };
}

function row(name: string, type: string, certificate: X509Certificate, nowMs: number): readonly string[] {
  const valid = nowMs >= certificate.validFromDate.getTime() && nowMs <= certificate.validToDate.getTime();
  const id = /URI:([^,]+)/.exec(certificate.subjectAltName ?? '')?.[1] ?? '-';
  return [
    name,
    type,
    id,
    String(valid),
    certificate.serialNumber.toLowerCase(),
    certificate.validToDate.toISOString(),
    certificate.validFromDate.toISOString(),
  ];
}

function certificates(entry: JsonObject): { type: string; certificate: X509Certificate }[] {
  const secret = field(entry, 'secret') ?? entry;
  const chain = pem(field(field(secret, 'tls_certificate'), 'certificate_chain'));
  const roots = pem(field(field(secret, 'validation_context'), 'trusted_ca'));
  return [
    ...parse(chain)
      .slice(0, 1)
      .map((certificate) => ({ type: 'Cert Chain', certificate })),
    ...parse(roots).map((certificate) => ({ type: 'CA', certificate })),
  ];
}

function pem(source: Json | undefined): string {
  const inline = text(field(source, 'inline_string'));
  return inline === '' ? Buffer.from(text(field(source, 'inline_bytes')), 'base64').toString('utf8') : inline;
}

function parse(text: string): X509Certificate[] {
  return (text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block));
}
