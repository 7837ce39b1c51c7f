// The proxies of the control-plane bench, in a process of their own so that their work is not counted. Commands come over IPC.
import { createChannel } from '@meltemi/grpc';
import { ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import { createCsr, exportPrivateKey, formatSpiffeId, generateSigningKey, joinPem, pemEncode } from '@meltemi/pki';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import { DIGEST_FEATURE, PATCH_FEATURE, ZSTD_FEATURE } from '@meltemi/xds';
import { createFleet, type Fleet, type FleetNode } from './ads-fleet.ts';
import { namespaceOf, SERVICE_PORT, serviceOf, virtualService, workloadEntry, type MeshSize } from './mesh-state.ts';

/** Where the control plane is. */
export interface Target {
  readonly api: string;
  readonly token: string;
  readonly xdsPort: number;
}

export type Command =
  | { readonly t: 'join'; readonly target: Target; readonly size: MeshSize }
  | { readonly t: 'connect' }
  | { readonly t: 'change'; readonly what: 'endpoint' | 'virtual-service'; readonly receivers: number }
  | { readonly t: 'disconnect' }
  | { readonly t: 'reconnect'; readonly target: Target };

/** What a command took, and the bytes that came meanwhile, by type. */
export interface Answer {
  readonly ms: number;
  readonly bytes: Readonly<Record<string, number>>;
  /** Streams that were lost so far. */
  readonly lost: number;
}

let size: MeshSize;
let target: Target;
let fleet: Fleet;
let generation = 0;

const run: { readonly [T in Command['t']]: (command: Extract<Command, { t: T }>) => Promise<void> } = {
  async join(command) {
    ({ target, size } = command);
    fleet = createFleet(await joinAll(), [String(SERVICE_PORT)], size.agents);
  },
  connect: () => fleet.connect(target.xdsPort),
  async change({ what, receivers }) {
    generation++;
    const object = what === 'endpoint' ? workloadEntry(0, size, generation) : virtualService(0, size, `${5 + generation}s`);
    const all = fleet.next(what === 'endpoint' ? TYPE_URL.endpoint : TYPE_URL.route, receivers);
    await apply(object, what === 'endpoint' ? 'workloadentries' : 'virtualservices');
    await all;
  },
  async disconnect() {
    fleet.disconnect();
  },
  reconnect(command) {
    ({ target } = command);
    return fleet.reconnect(target.xdsPort, TYPE_URL.endpoint);
  },
};

process.on('message', (command: Command) => {
  const before = command.t === 'join' ? {} : fleet.bytes();
  const begun = performance.now();
  (run[command.t] as (command: Command) => Promise<void>)(command).then(
    () => {
      const bytes = Object.fromEntries(Object.entries(fleet.bytes()).map(([type, count]) => [type, count - (before[type] ?? 0)]));
      process.send?.({ ms: performance.now() - begun, bytes, lost: fleet.lost() } satisfies Answer);
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));

async function apply(
  object: { readonly apiVersion: string; readonly metadata: { readonly name: string; readonly namespace: string } },
  plural: string,
): Promise<void> {
  const { namespace, name } = object.metadata;
  const url = `${target.api}/apis/${object.apiVersion}/namespaces/${namespace}/${plural}/${name}?fieldManager=bench`;
  const headers = { authorization: `Bearer ${target.token}`, 'content-type': 'application/apply-patch+yaml' };
  const response = await fetch(url, { method: 'PATCH', headers, body: JSON.stringify(object) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

interface Joined {
  readonly joinToken: string;
  readonly address: string;
  readonly rootCertificate: string;
}

/** Every proxy joins; those of one namespace share an account, and a certificate. */
async function joinAll(): Promise<readonly FleetNode[]> {
  const codec = loadCodec('sidecar');
  const certificates = new Map<string, FleetNode['tls']>();
  const nodes: FleetNode[] = [];
  for (let i = 0; i < size.proxies; i++) {
    const namespace = namespaceOf(i, size);
    const [app, workload] = [serviceOf(i), `proxy-${i}`];
    const joined = await join({
      namespace,
      serviceAccount: 'default',
      workload,
      app,
      version: 'v1',
      ports: [{ number: SERVICE_PORT }],
      interception: 'netns',
    });
    const tls = certificates.get(namespace) ?? (await certificate(joined, namespace));
    certificates.set(namespace, tls);
    const node = codec.encode('envoy.config.core.v3.Node', {
      id: `sidecar~${joined.address}~${workload}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${app}.${namespace}`,
      metadata: {
        NAMESPACE: namespace,
        SERVICE_ACCOUNT: 'default',
        WORKLOAD_NAME: workload,
        LABELS: { app, version: 'v1' },
        INTERCEPTION_MODE: 'REDIRECT',
        INSTANCE_IPS: joined.address,
        MELTEMI_PORTS: [{ number: SERVICE_PORT, protocol: 'http' }],
        MELTEMI_DATA_PLANE: 'embedded',
      },
      client_features: size.agents ? [PATCH_FEATURE, ZSTD_FEATURE, DIGEST_FEATURE] : [],
    });
    nodes.push({ scope: namespace, node, tls });
  }
  return nodes;
}

async function join(request: object): Promise<Joined> {
  const headers = { authorization: `Bearer ${target.token}`, 'content-type': 'application/json' };
  const response = await fetch(`${target.api}/meltemi/v1/join`, { method: 'POST', headers, body: JSON.stringify(request) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as Joined;
}

async function certificate({ joinToken, rootCertificate }: Joined, namespace: string): Promise<FleetNode['tls']> {
  const key = await generateSigningKey(crypto);
  const csr = await createCsr(crypto, key, formatSpiffeId({ trustDomain: 'cluster.local', namespace, serviceAccount: 'default' }));
  await using channel = createChannel({
    target: { host: '127.0.0.1', port: target.xdsPort },
    tls: { trustedCa: rootCertificate, expectedPrincipals: ['spiffe://cluster.local/ns/istio-system/sa/istiod'] },
  });
  const request = new ProtoWriter().tag(1, WireType.bytes).string(csr).take();
  const reader = new ProtoReader(
    await channel.unary('/istio.v1.auth.IstioCertificateService/CreateCertificate', request, { metadata: { authorization: `Bearer ${joinToken}` } }),
  );
  const chain: string[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1) chain.push(reader.string());
    else reader.skip(tag);
  }
  return { ca: rootCertificate, cert: joinPem(...chain), key: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)) };
}
