import { namesMatch, type AuthzQuestion } from '@meltemi/runtime';
import { HEADER } from '@meltemi/wire';
import { nodeBytes } from '../../net/node-bytes.ts';
import type { Exchange } from '../exchange.ts';
import { HOP_HEADERS, hopHeader } from '../hop-headers.ts';
import { keptPayload } from '../request-body.ts';
import type { HopValue } from '../request-view.ts';
import { clientAddress } from './context.ts';

/** A header as it is told to an authorization service. */
export type TellHeader = readonly [name: string, value: string];

/** The request's headers in their order, with what this hop makes of them, and the request line under its pseudo names. */
export function headersToTell(x: Exchange): readonly TellHeader[] {
  const { requestScanner: scanner } = x.worker;
  const found: TellHeader[] = [
    [':authority', x.viewAuthority],
    [':path', x.viewPath],
    [':method', x.info.method],
    [':scheme', x.scheme],
  ];
  const told = new Set<string>();
  for (let i = 0; i < scanner.count; i++) {
    const name = nodeBytes.latin1(x.head.bytes, scanner.nameStart(i), scanner.nameEnd(i)).toLowerCase();
    if (scanner.cut[i] !== 0 || name === 'host' || HOP.has(name) || told.has(name)) continue;
    const hop = ofThisHop(x, scanner.ids[i] as number);
    if (hop === 'as-came') found.push([name, nodeBytes.latin1(x.head.bytes, scanner.valueStart(i), scanner.valueEnd(i))]);
    else tell(name, hop.value);
  }
  for (const name of HOP_HEADERS) {
    const hop = told.has(name) ? 'as-came' : hopHeader(x, HEADER[name]);
    if (hop !== 'as-came') tell(name, hop.value);
  }
  return found;

  function tell(name: string, value: string | undefined): void {
    told.add(name);
    if (value !== undefined) found.push([name, value]);
  }
}

/** Names that are not known have no id. */
function ofThisHop(x: Exchange, id: number): HopValue {
  return id < 0 ? 'as-came' : hopHeader(x, id);
}

/** Of the connection, not of the request. */
const HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te']);

/** Several lines of a name in one. */
export function joinedHeaders(headers: readonly TellHeader[]): Readonly<Record<string, string>> {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(joined);
}

/** The part of the body that is told, and whether there is more of it. */
export interface ToldBody {
  readonly bytes: Buffer;
  readonly partial: boolean;
}

/** undefined = the body is not told, or there is none. */
export function bodyToTell(x: Exchange, { body }: AuthzQuestion): ToldBody | undefined {
  if (body === undefined || !x.downstream.hasBody) return undefined;
  const payload = keptPayload(x);
  return { bytes: payload.subarray(0, body.maxBytes), partial: !x.requestComplete || payload.length > body.maxBytes };
}

/** The header that says whether the service has seen the body whole. */
export const PARTIAL_BODY = 'x-envoy-auth-partial-body';

/** `CheckRequest` in ProtoJSON form. */
export function checkRequest(x: Exchange, question: AuthzQuestion): object {
  const { config, extensions } = question;
  const allowed = config.allowedHeaders === undefined ? () => true : namesMatch(config.allowedHeaders);
  const disallowed = namesMatch(config.disallowedHeaders);
  const body = bodyToTell(x, question);
  const told = headersToTell(x).filter(([name]) => (name.startsWith(':') || allowed(name)) && !disallowed(name));
  if (body !== undefined) (told as TellHeader[]).push([PARTIAL_BODY, String(body.partial)]);
  const { info } = x;
  return {
    attributes: {
      ...peers(x, question),
      request: {
        time: new Date(info.startTimeMs).toISOString(),
        http: {
          id: info.requestId,
          method: info.method,
          ...(config.rawHeaders
            ? { header_map: { headers: told.map(([key, value]) => ({ key, raw_value: Buffer.from(value, 'latin1').toString('base64') })) } }
            : { headers: joinedHeaders(told.map(([name, value]) => [name, wellFormed(value)])) }),
          path: x.viewPath,
          host: x.viewAuthority,
          scheme: x.scheme,
          protocol: info.httpVersion,
          size: String(bodySize(x, body)),
          ...bodyFields(body?.bytes, question),
        },
      },
      context_extensions: extensions,
      metadata_context: { filter_metadata: metadataToTell(x, config.metadataNamespaces) },
      route_metadata_context: {},
      ...(config.tlsSession && info.connection.tls !== undefined ? { tls_session: { sni: info.connection.tls.serverName } } : {}),
    },
  };
}

/** Header bytes that are no UTF-8 are told with replacement characters: the check must not fail, or be passed over, for their sake. */
function wellFormed(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8');
}

/** What the request says of it, else what has come; -1 = not known. */
function bodySize(x: Exchange, body: ToldBody | undefined): number {
  const { contentLength } = x.worker.requestScanner;
  if (contentLength >= 0) return contentLength;
  if (body !== undefined) return body.bytes.length;
  return x.requestComplete ? 0 : -1;
}

function bodyFields(body: Buffer | undefined, { body: told }: AuthzQuestion): object {
  if (body === undefined) return {};
  return told?.asBytes === true ? { raw_body: body.toString('base64') } : { body: body.toString('utf8') };
}

function metadataToTell(x: Exchange, namespaces: readonly string[]): object {
  const known = x.info.dynamicMetadata;
  return Object.fromEntries(namespaces.flatMap((name) => (known?.has(name) === true ? [[name, known.get(name)]] : [])));
}

function peers(x: Exchange, { config }: AuthzQuestion): object {
  const { connection } = x.info;
  const { tls } = connection;
  const principal = tls === undefined ? '' : tls.peerUri || tls.peerDns[0] || tls.peerSubject;
  const certificate = config.peerCertificate && tls !== undefined ? encodeURIComponent(tls.peerPem) : '';
  return {
    source: { address: socketAddress(clientAddress(x), connection.remotePort), principal, certificate },
    destination: { address: socketAddress(connection.originalAddress, connection.originalPort), principal: tls?.localUri ?? '' },
  };
}

function socketAddress(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}
