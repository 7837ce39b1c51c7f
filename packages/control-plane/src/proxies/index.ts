import { isIP } from 'node:net';
import { HttpError, json, request, text, type HttpResponse, type Route } from '@meltemi/http';
import { shortTypeName } from '@meltemi/protos-types';
import type { AdsServer } from '../xds/ads-server.ts';
import type { ConnectedNode, NodeTypeStatus } from '../xds/connected-node.ts';

/** What the room needs. */
export interface ProxiesDeps {
  readonly ads: Pick<AdsServer<never>, 'nodes' | 'waitForAck'>;
  /** The newest version of the mesh that was announced. */
  readonly version: () => number;
  /** Port of an agent that answers `/config_dump` to the control plane and to loopback; 15020 unless a test says otherwise. */
  readonly agentPort?: number;
}

/** One proxy of `GET /meltemi/v1/proxies`. */
interface ProxyView {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly type: string;
  readonly address: string;
  readonly dataPlane: string;
  readonly connectedAt: number;
  readonly types: readonly { readonly type: string; readonly state: string; readonly message?: string }[];
}

const AGENT_PORT = 15020;
const MAX_WAIT_MS = 60_000;

/**
 * `GET /meltemi/v1/proxies` (who is connected and what it has acknowledged), `GET /meltemi/v1/proxies/:id/config_dump` (what the proxy
 * itself holds), `POST /meltemi/v1/proxies/:id/restart` (a new process takes over, without a gap), `GET /meltemi/v1/acknowledged?timeoutMs=` (waits until the last proxy has answered the newest configuration).
 */
export function proxyRoutes(deps: ProxiesDeps): readonly Route[] {
  return [
    { method: 'GET', path: '/meltemi/v1/proxies', handler: () => json(200, { proxies: deps.ads.nodes().map(viewOf) }) },
    { method: 'GET', path: '/meltemi/v1/proxies/:id/config_dump', handler: (call) => configDump(deps, call.params['id'] ?? '') },
    { method: 'POST', path: '/meltemi/v1/proxies/:id/restart', handler: (call) => restart(deps, call.params['id'] ?? '') },
    {
      method: 'GET',
      path: '/meltemi/v1/acknowledged',
      async handler(call) {
        const timeoutMs = Number(call.query.get('timeoutMs') ?? 5_000);
        if (!Number.isFinite(timeoutMs) || timeoutMs < 0 || timeoutMs > MAX_WAIT_MS)
          throw new HttpError(400, 'proxies/timeout', `timeoutMs must be a number from 0 to ${MAX_WAIT_MS}`);
        return json(200, await deps.ads.waitForAck(deps.version(), timeoutMs));
      },
    },
  ];
}

function viewOf(connected: ConnectedNode): ProxyView {
  const [type = '', address = '', name = ''] = connected.node.id.split('~');
  const { metadata } = connected.node;
  const namespace = textOf(metadata['NAMESPACE']);
  return {
    id: connected.node.id,
    name: textOf(metadata['WORKLOAD_NAME']) || (name.endsWith(`.${namespace}`) ? name.slice(0, -namespace.length - 1) : name),
    namespace,
    type,
    address,
    dataPlane: textOf(metadata['MELTEMI_DATA_PLANE']) || '-',
    connectedAt: connected.connectedAtMs,
    types: connected.types.map(typeView),
  };
}

function typeView(status: NodeTypeStatus): ProxyView['types'][number] {
  const state = status.state === 'rejected' ? 'NACK' : status.state === 'pending' ? 'STALE' : 'SYNCED';
  return { type: shortTypeName(status.typeUrl), state, ...(status.nack === undefined ? {} : { message: status.nack.message }) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Asked of the agent, which asks its proxy: so it is what is in force there, on either data plane. */
async function configDump(deps: ProxiesDeps, id: string): Promise<HttpResponse> {
  return ask(deps, id, { method: 'GET', path: '/config_dump', timeoutMs: 10_000 });
}

/** The agent starts a new proxy and answers when that one serves in place of the old one. */
async function restart(deps: ProxiesDeps, id: string): Promise<HttpResponse> {
  return ask(deps, id, { method: 'POST', path: '/restart_proxy', timeoutMs: 70_000 });
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly timeoutMs: number;
}

async function ask(deps: ProxiesDeps, id: string, { method, path, timeoutMs }: Question): Promise<HttpResponse> {
  const proxy = deps.ads
    .nodes()
    .map(viewOf)
    .find((view) => view.id === id);
  if (proxy === undefined) throw new HttpError(404, 'proxies/unknown', `no proxy with the id "${id}" is connected`);
  // A gRPC application may call itself anything, also `x~example.com/?~…`: only an address is called, and not what a text makes of the URL.
  if (isIP(proxy.address) === 0) throw new HttpError(404, 'proxies/no-agent', `${proxy.name} has no agent that could be asked`);
  const host = proxy.address.includes(':') ? `[${proxy.address}]` : proxy.address;
  const url = `http://${host}:${deps.agentPort ?? AGENT_PORT}${path}`;
  try {
    const answer = await request({ url, method, timeoutMs, maxBytes: 64 << 20 });
    if (answer.status !== 200)
      throw new HttpError(502, 'proxies/refused', `the agent of ${proxy.name} answered ${answer.status}: ${answer.text().slice(0, 300)}`);
    return text(200, answer.text(), { 'content-type': 'application/json; charset=utf-8' });
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(
      502,
      'proxies/unreachable',
      `the agent of ${proxy.name} could not be asked at ${url}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
