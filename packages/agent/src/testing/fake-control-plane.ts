import { MeshError, ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import { createGrpcServer, type GrpcServer, type MethodHandler, unaryMethod } from '@meltemi/grpc';
import {
  type Certificate,
  createRoot,
  exportPrivateKey,
  formatSpiffeId,
  generateSigningKey,
  type Issuer,
  issueSvid,
  parseSpiffeId,
  pemEncode,
  type SpiffeId,
  verifyCsr,
} from '@meltemi/pki';
import { HEALTH_TYPE_URL } from '@meltemi/protos-types';
import { createServerSession, decodeDeltaRequest, encodeDeltaResponse, type Resource, type ResourceSource } from '@meltemi/xds';
import { DELTA_ADS } from '../relay/proxy-handlers.ts';
import type { JoinResult } from '../types.ts';

/** A control plane for tests: a real TLS server with a real authority and real discovery sessions, in a few lines. */
export interface FakeControlPlane {
  readonly port: number;
  /** Serials given out, oldest first. */
  readonly issued: { readonly principal: string; readonly serial: string; readonly by: 'token' | 'certificate' }[];
  /** NACK texts. */
  readonly refusals: string[];
  /** Reports about the application: `healthy`, or why not. */
  readonly health: string[];
  readonly streams: number;
  join(id: { namespace: string; serviceAccount: string }, address: string, appAddress?: string): JoinResult;
  set(typeUrl: string, resources: readonly Resource[]): void;
  /** Gone at once, connections and all. */
  kill(): Promise<void>;
  /** Back on the same port, with the same authority. */
  restart(): Promise<void>;
}

const TRUST_DOMAIN = 'cluster.local';

export async function startFakeControlPlane(options: { readonly ttlMs?: number; readonly host?: string } = {}): Promise<FakeControlPlane> {
  const host = options.host ?? '127.0.0.1';
  const key = await generateSigningKey(crypto);
  const root = await createRoot(crypto, { commonName: 'test', trustDomain: TRUST_DOMAIN, key, nowMs: Date.now(), ttlMs: 86_400_000 });
  const issuer: Issuer = { certificate: root, key };
  const rootPem = pemEncode('CERTIFICATE', root.der);
  const tokens = new Map<string, SpiffeId>();
  const resources = new Map<string, Map<string, Resource>>();
  const issued: FakeControlPlane['issued'] = [];
  const refusals: string[] = [];
  const health: string[] = [];
  const wakeups = new Set<() => void>();
  let version = 1;
  let server: GrpcServer | undefined;
  let port = 0;

  const createCertificate = unaryMethod(async (request, call) => {
    const reader = new ProtoReader(request);
    reader.tag();
    const { spki } = await verifyCsr(crypto, reader.string());
    const token = call.metadata['authorization']?.slice('Bearer '.length);
    const id = token === undefined ? parseSpiffeId(call.peer.principal ?? '') : tokens.get(token);
    if (token !== undefined) tokens.delete(token);
    if (id === undefined) throw new MeshError('grpc/unauthenticated', 'the token was used');
    const leaf = await issueSvid(crypto, issuer, { spki, id, nowMs: Date.now(), ttlMs: options.ttlMs ?? 3_600_000 });
    issued.push({ principal: formatSpiffeId(id), serial: leaf.serial, by: token === undefined ? 'certificate' : 'token' });
    return new ProtoWriter().tag(1, WireType.bytes).string(pemEncode('CERTIFICATE', leaf.der)).tag(1, WireType.bytes).string(rootPem).take();
  });

  const discovery: MethodHandler = (call) => {
    const source: ResourceSource = {
      get version() {
        return version;
      },
      resources: (typeUrl, names) => only(resources.get(typeUrl), names),
    };
    const session = createServerSession('delta', { source });
    const flush = (): void => {
      for (let next = session.next(); next !== undefined; next = session.next()) call.write(encodeDeltaResponse(next));
    };
    const wake = (): void => {
      session.changed();
      flush();
    };
    wakeups.add(wake);
    return {
      onMessage(message) {
        const request = decodeDeltaRequest(message);
        if (request.typeUrl === HEALTH_TYPE_URL) {
          health.push(request.error?.message ?? 'healthy');
          call.write(encodeDeltaResponse({ typeUrl: HEALTH_TYPE_URL, nonce: '', systemVersion: '', resources: [], removed: [] }));
          return;
        }
        const verdict = session.receive(request);
        if (verdict?.t === 'nack') refusals.push(verdict.message);
        flush();
      },
      onClose: () => void wakeups.delete(wake),
    };
  };

  const start = async (): Promise<void> => {
    const serverKey = await generateSigningKey(crypto);
    const leaf: Certificate = await issueSvid(crypto, issuer, {
      spki: serverKey.spki,
      id: { trustDomain: TRUST_DOMAIN, namespace: 'istio-system', serviceAccount: 'istiod' },
      nowMs: Date.now(),
      ttlMs: 86_400_000,
    });
    server = createGrpcServer({
      methods: { '/istio.v1.auth.IstioCertificateService/CreateCertificate': createCertificate, [DELTA_ADS]: discovery },
      tls: {
        certificateChain: pemEncode('CERTIFICATE', leaf.der),
        privateKey: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, serverKey)),
        trustedCa: rootPem,
      },
    });
    port = (await server.listen({ host, port })).port;
  };
  await start();
  return {
    get port() {
      return port;
    },
    issued,
    refusals,
    health,
    get streams() {
      return wakeups.size;
    },
    join(id, address, appAddress = address) {
      const joinToken = `token-${tokens.size}-${Math.random()}`;
      tokens.set(joinToken, { trustDomain: TRUST_DOMAIN, ...id });
      return { joinToken, address, appAddress, xdsAddress: `${host}:${port}`, rootCertificate: rootPem, trustDomain: TRUST_DOMAIN };
    },
    set(typeUrl, list) {
      resources.set(typeUrl, new Map(list.map((resource) => [resource.name, resource])));
      version++;
      for (const wake of wakeups) wake();
    },
    async kill() {
      await server?.close(0);
      server = undefined;
    },
    restart: start,
  };
}

function only(all: ReadonlyMap<string, Resource> | undefined, names: ReadonlySet<string> | '*'): ReadonlyMap<string, Resource> {
  if (all === undefined) return new Map();
  return names === '*' || names.has('*') ? all : new Map([...all].filter(([name]) => names.has(name)));
}
