/**
 * The few protobuf messages that the agent itself reads and writes, by hand: loading a schema for them would cost each agent of a machine
 * memory and start-up time. Field numbers are those of the .proto files named beside them.
 */
import { ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import type { NameInfo, NameTable } from '@meltemi/dns';
import type { XdsNode } from '../types.ts';

const { bytes: BYTES, varint: VARINT, fixed64: FIXED64 } = WireType;

/** `istio.v1.auth.IstioCertificateRequest`. */
export function encodeCertificateRequest(csr: string): Uint8Array {
  return new ProtoWriter().tag(1, BYTES).string(csr).take();
}

/** `cert_chain` of `istio.v1.auth.IstioCertificateResponse`. */
export function decodeCertificateResponse(message: Uint8Array): string[] {
  const reader = new ProtoReader(message);
  const chain: string[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1) chain.push(reader.string());
    else reader.skip(tag);
  }
  return chain;
}

/** `envoy.extensions.transport_sockets.tls.v3.Secret` with a `tls_certificate`, PEM inline. */
export function encodeCertificateSecret(name: string, certificateChain: string, privateKey: string): Uint8Array {
  const writer = new ProtoWriter(4096).tag(1, BYTES).string(name).tag(2, BYTES);
  const certificate = writer.begin();
  dataSource(writer, 1, certificateChain);
  dataSource(writer, 2, privateKey);
  return writer.finish(certificate).take();
}

/** `Secret` with a `validation_context` that trusts these roots but for what is revoked, PEM inline. */
export function encodeRootSecret(name: string, roots: string, revocations?: string): Uint8Array {
  const writer = new ProtoWriter(4096).tag(1, BYTES).string(name).tag(4, BYTES);
  const context = writer.begin();
  dataSource(writer, 1, roots);
  if (revocations !== undefined) dataSource(writer, 7, revocations);
  return writer.finish(context).take();
}

/** `envoy.config.core.v3.DataSource` with `inline_string`. */
function dataSource(writer: ProtoWriter, field: number, text: string): void {
  const mark = writer.tag(field, BYTES).begin();
  writer.tag(3, BYTES).string(text).finish(mark);
}

/** `envoy.config.core.v3.Node`: id, cluster, metadata. */
export function encodeNode(node: XdsNode): Uint8Array {
  const writer = new ProtoWriter(1024).tag(1, BYTES).string(node.id).tag(2, BYTES).string(node.cluster).tag(3, BYTES);
  const metadata = writer.begin();
  structFields(writer, node.metadata);
  writer.finish(metadata);
  return writer.tag(6, BYTES).string('meltemi-agent').take();
}

/** Fields of `google.protobuf.Struct`. */
function structFields(writer: ProtoWriter, fields: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const entry = writer.tag(1, BYTES).begin();
    writer.tag(1, BYTES).string(key).tag(2, BYTES);
    structValue(writer, value);
    writer.finish(entry);
  }
}

/** `google.protobuf.Value`, length first. */
function structValue(writer: ProtoWriter, value: unknown): void {
  const mark = writer.begin();
  if (typeof value === 'number') writer.tag(2, FIXED64).double(value);
  else if (typeof value === 'string') writer.tag(3, BYTES).string(value);
  else if (typeof value === 'boolean') writer.tag(4, VARINT).bool(value);
  else if (Array.isArray(value)) {
    const list = writer.tag(6, BYTES).begin();
    for (const item of value as readonly unknown[]) {
      writer.tag(1, BYTES);
      structValue(writer, item);
    }
    writer.finish(list);
  } else if (typeof value === 'object' && value !== null) {
    const struct = writer.tag(5, BYTES).begin();
    structFields(writer, { ...value });
    writer.finish(struct);
  } else writer.tag(1, VARINT).uint32(0);
  writer.finish(mark);
}

/** `istio.networking.nds.v1.NameTable`. */
export function decodeNameTable(message: Uint8Array): NameTable {
  const table: Record<string, NameInfo> = {};
  const reader = new ProtoReader(message);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 !== 1) {
      reader.skip(tag);
      continue;
    }
    const { host, info } = nameEntry(reader.message());
    table[host] = info;
  }
  return { table };
}

function nameEntry(reader: ProtoReader): { host: string; info: NameInfo } {
  let host = '';
  let info: NameInfo = {};
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1) host = reader.string();
    else if (tag >>> 3 === 2) info = nameInfo(reader.message());
    else reader.skip(tag);
  }
  return { host, info };
}

function nameInfo(reader: ProtoReader): NameInfo {
  const ips: string[] = [];
  const altHosts: string[] = [];
  const texts: Record<number, string> = {};
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const field = tag >>> 3;
    if (field === 1) ips.push(reader.string());
    else if (field === 5) altHosts.push(reader.string());
    else if (field >= 2 && field <= 4) texts[field] = reader.string();
    else reader.skip(tag);
  }
  return { ips, registry: texts[2] ?? '', shortname: texts[3] ?? '', namespace: texts[4] ?? '', alt_hosts: altHosts };
}
