import { looksLikeIp, spiffeId, type ProxyNode } from '@meltemi/model';
import { decide, type ConnectionInfo, type DecideRequest, type Outcome, type RuntimeState } from '@meltemi/runtime';
import { createTranslator, type Translator } from '@meltemi/translate';
import { legOf } from './leg.ts';
import { workloadKey } from './mesh.ts';
import { nodeRuntime } from './node-runtime.ts';
import { parseTarget, type Target } from './target.ts';
import type { Call, Leg, Result, SimulatedMesh } from './types.ts';

/** Istio's outbound and inbound ports take what is redirected, whatever its destination. */
const OUTBOUND = 'virtualOutbound';
const INBOUND = 'virtualInbound';

/** An address of nobody (RFC 5737), for hosts that the mesh does not know. */
const ELSEWHERE = '203.0.113.7';

/** Whatever hits half of the calls or more happens, unless a test says otherwise. */
const USUAL = (): number => 0.5;

/** What the parts of one simulation share. */
interface Stage {
  readonly mesh: SimulatedMesh;
  readonly translator: Translator;
  readonly random: () => number;
}

/**
 * Where a call goes and what happens to it: the mesh is translated for the caller's proxy, decoded by our own proxy's decoder and asked; so is the proxy of
 * the workload that is reached. `random` in [0, 1) stands for chance.
 */
export function simulate(mesh: SimulatedMesh, call: Call, random: () => number = USUAL): Result {
  const stage: Stage = { mesh, translator: createTranslator(), random };
  const node = mesh.nodes.get(call.from);
  if (node === undefined) return { t: 'no-call', because: `there is no workload "${call.from}" with a proxy` };
  const target = parseTarget(call.to);
  if (target === undefined) return { t: 'no-call', because: `"${call.to}" is no target: write http://host:port/path, https://, tcp:// or tls://` };
  const made = nodeRuntime(node, mesh.state, stage.translator);
  if (made.t === 'refused') return { t: 'refused', node: call.from, problems: made.problems };
  const { runtime, names } = made;
  const address = node.type === 'router' ? node.address : addressOf(target.host, names.table ?? {});
  const decision = decide(runtime, clientRequest(node, target, address, call), random);
  const client = legOf(call.from, decision, runtime, mesh);
  return serverSide({ client, outcome: decision.outcome, runtime, node, target, call }, stage);
}

function addressOf(host: string, table: Readonly<Record<string, { readonly ips?: readonly string[] }>>): string {
  const literal = host.replace(/^\[|\]$/g, '');
  const name = host.replace(/\.$/, '');
  const known = Object.hasOwn(table, name) ? table[name] : undefined;
  return looksLikeIp(literal) ? literal : (known?.ips?.[0] ?? ELSEWHERE);
}

function clientRequest(node: ProxyNode, target: Target, address: string, call: Call): DecideRequest {
  const gateway = node.type === 'router';
  const tls = target.kind === 'https' || target.kind === 'tls';
  const source = { address: gateway ? ELSEWHERE : node.address, port: 40_000 };
  const connection: ConnectionInfo = {
    destination: { address, port: target.port },
    source,
    directSource: source,
    serverName: tls ? (call.serverName ?? target.host) : '',
    transportProtocol: tls ? 'tls' : 'raw_buffer',
    applicationProtocols: target.kind === 'http' ? ['http/1.1'] : [],
  };
  const told = toldOf(call);
  if (!gateway) return { ...told, listener: OUTBOUND, connection, ...(target.kind === 'http' ? { http: httpOf(target, call, 'http') } : {}) };
  // TLS of a sidecar's own application is opaque to it; a gateway may end it.
  if (target.kind === 'tcp' || target.kind === 'tls') return { ...told, connection };
  return { ...told, connection, http: httpOf(target, call, target.kind) };
}

/** What proxies cannot see of a call by themselves. */
function toldOf({ signatures, wallMs }: Call): Pick<DecideRequest, 'signatures' | 'wallMs'> {
  return { ...(signatures === undefined ? {} : { signatures }), ...(wallMs === undefined ? {} : { wallMs }) };
}

function httpOf(target: Target, call: Call, scheme: 'http' | 'https'): NonNullable<DecideRequest['http']> {
  const { host, ...headers } = call.headers ?? {};
  const usual = target.port === (scheme === 'https' ? 443 : 80);
  return {
    method: call.method ?? 'GET',
    path: target.path === '' ? '/' : target.path,
    authority: host ?? (usual ? target.host : `${target.host}:${target.port}`),
    scheme,
    headers,
  };
}

/** A call that has left the caller's proxy. */
interface Sent {
  readonly client: Leg;
  readonly outcome: Outcome;
  readonly runtime: RuntimeState;
  readonly node: ProxyNode;
  readonly target: Target;
  readonly call: Call;
}

function serverSide(sent: Sent, stage: Stage): Result {
  const { client, outcome } = sent;
  const alone: Result = { t: 'decided', client, outcome };
  if (outcome.t !== 'forward') return alone;
  const { mesh } = stage;
  const [address, port] = splitHost(outcome.host);
  const workload = mesh.workloads.find((candidate) => candidate.address === address);
  const node = workload === undefined ? undefined : mesh.nodes.get(workloadKey(workload));
  if (workload === undefined || node === undefined || node.type === 'router') return alone;
  const made = nodeRuntime(node, mesh.state, stage.translator);
  if (made.t === 'refused') return { t: 'refused', node: workloadKey(workload), problems: made.problems };
  const decision = decide(made.runtime, serverRequest(sent, outcome, { address, port }, mesh.state.push.mesh.trustDomain), stage.random);
  return { t: 'decided', client, server: legOf(workloadKey(workload), decision, made.runtime, mesh), outcome: decision.outcome };
}

type Forward = Extract<Outcome, { readonly t: 'forward' }>;

function serverRequest(sent: Sent, outcome: Forward, destination: ConnectionInfo['destination'], trustDomain: string): DecideRequest {
  const { node, target } = sent;
  const alpn = offeredProtocols(sent, outcome);
  const mutual = outcome.tls && alpn.some((protocol) => protocol.startsWith('istio'));
  const http = requestAtServer(sent);
  const source = { address: node.address, port: 40_001 };
  const opaque = target.kind === 'https' || target.kind === 'tls';
  return {
    ...toldOf(sent.call),
    listener: INBOUND,
    connection: {
      destination,
      source,
      directSource: source,
      serverName: outcome.sni,
      transportProtocol: outcome.tls || opaque ? 'tls' : 'raw_buffer',
      applicationProtocols: outcome.tls || http === undefined ? alpn : ['http/1.1'],
    },
    ...(mutual ? { peer: { peerUri: spiffeId(trustDomain, node.namespace, node.serviceAccount) } } : {}),
    ...(http === undefined ? {} : { http }),
  };
}

/** The request as the caller's proxy sent it on; what it took for bytes goes through as the caller wrote it. Undefined for what is no HTTP in clear. */
function requestAtServer({ target, call, client }: Sent): DecideRequest['http'] {
  if (client.path !== '') return { ...httpOf(target, call, 'http'), path: client.path, authority: client.authority };
  return target.kind === 'http' ? httpOf(target, call, 'http') : undefined;
}

/** What the caller's proxy offers in its TLS; nothing without. */
function offeredProtocols({ runtime }: Sent, outcome: Forward): readonly string[] {
  if (outcome.alpn !== undefined) return outcome.tls ? outcome.alpn : [];
  const hosts = runtime.cluster(outcome.cluster)?.hosts() ?? [];
  const transport = hosts.find((item) => item.key === outcome.host)?.transport;
  return transport?.t === 'tls' ? transport.tls.alpnProtocols : [];
}

/** `10.0.0.1:80`, `[::1]:80`. */
function splitHost(host: string): readonly [string, number] {
  const colon = host.lastIndexOf(':');
  return [host.slice(0, colon).replace(/^\[|\]$/g, ''), Number(host.slice(colon + 1))];
}
