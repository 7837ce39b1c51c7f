import { connect } from 'node:net';
import type { Clock, Log, Random, Timers } from '@meltemi/base';
import { createRuntimeState, decodeCluster, decodeListener, type Decoded, type RuntimeDelta } from '@meltemi/runtime';
import { createMetricRegistry, createStandardMetrics } from '@meltemi/telemetry/recording';
import { createDataPlane } from '../data-plane.ts';
import type { TelemetryIdentity } from '../telemetry/identity.ts';
import { createClientPeers } from '../telemetry/peers.ts';
import { createSpanMaker } from '../telemetry/spans.ts';
import { createStreamRecorder } from '../telemetry/stream-recorder.ts';
import type { DataPlane } from '../types.ts';

export interface WarmUpOptions {
  readonly identity: TelemetryIdentity;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** Enough that every function of the path is compiled and the inline caches are filled; more would delay being ready. */
const REQUESTS = 50;
const LIMIT_MS = 2_000;
const REQUEST = 'GET /warm?up=1 HTTP/1.1\r\nhost: warm\r\nuser-agent: meltemi\r\naccept: */*\r\n\r\n';

/**
 * Sends requests through a data plane of its own on loopback, with the metrics and logs of real ones, so that the first real request
 * meets code that has run. A machine where this is impossible only starts cold: the proxy serves all the same.
 */
export async function warmUp(options: WarmUpOptions): Promise<void> {
  const { clock, identity, random } = options;
  const now = (): number => clock.now();
  const streams = createStreamRecorder({
    metrics: createStandardMetrics({ registry: createMetricRegistry(), local: identity.labels, now }),
    clients: createClientPeers({ want() {}, forget() {} }),
    spans: createSpanMaker(identity.span, () => {}),
    gateway: false,
    now,
  });
  const state = createRuntimeState(() => random.next());
  const dataPlane = createDataPlane(state, { ...options, streams, accessLog: { write() {} } });
  try {
    await dataPlane.apply(state.apply({ listeners: [read(decodeListener(answering()))] }));
    await dataPlane.apply(state.apply(forwarding(portOf(dataPlane, 'answer'))));
    await send(portOf(dataPlane, 'forward'));
    await send(portOf(dataPlane, 'forward2'));
  } catch (error) {
    options.log.warn('the code could not be warmed up', { error: String(error) });
  } finally {
    await dataPlane.close();
  }
}

function read<T>(decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  throw new TypeError(decoded.problems.map((problem) => `${problem.path}: ${problem.message}`).join('; '));
}

function portOf(dataPlane: DataPlane, name: string): number {
  const address = dataPlane.listeners().find((listener) => listener.name === name)?.addresses[0] ?? '';
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

const any = (type: string, fields: object): object => ({ '@type': `type.googleapis.com/envoy.extensions.${type}`, ...fields });
const loopback = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function http(name: string, action: object, more: object): object {
  const config = any('filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: name,
    route_config: { name, virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, ...action }] }] },
    http_filters: [{ name: 'router', typed_config: any('filters.http.router.v3.Router', {}) }],
    ...more,
  });
  return { name, address: loopback(0), filter_chains: [{ filters: [{ name: 'http', typed_config: config }] }] };
}

function answering(): object {
  return { ...http('answer', { direct_response: { status: 200, body: { inline_string: 'warm' } } }, {}), traffic_direction: 'INBOUND' };
}

/** One listener goes on by HTTP/1.1, the other by HTTP/2: the answering one takes both. */
function forwarding(port: number): RuntimeDelta {
  const log = { name: 'log', typed_config: any('access_loggers.stream.v3.StdoutAccessLog', {}) };
  const listener = (name: string, cluster: string): object => {
    const action = { route: { cluster, retry_policy: { retry_on: 'connect-failure', num_retries: 1 } } };
    return { ...http(name, action, { access_log: [log], tracing: {}, normalize_path: true }), traffic_direction: 'OUTBOUND' };
  };
  const options = any('upstreams.http.v3.HttpProtocolOptions', { explicit_http_config: { http2_protocol_options: {} } });
  const cluster = (name: string, more: object): object => ({
    name,
    type: 'STATIC',
    lb_policy: 'LEAST_REQUEST',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(port) } }] }] },
    ...more,
  });
  const http2 = { typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options } };
  return {
    clusters: [cluster('warm', {}), cluster('warm2', http2)].map((json) => read(decodeCluster(json))),
    listeners: [listener('forward', 'warm'), listener('forward2', 'warm2')].map((json) => read(decodeListener(json))),
  };
}

/** One after the other on one connection. */
function send(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    let left = REQUESTS;
    const end = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const timer = setTimeout(() => end(new Error(`no end within ${LIMIT_MS} ms`)), LIMIT_MS);
    const next = (): void => {
      if (left-- === 0) end();
      else socket.write(REQUEST);
    };
    socket.on('connect', next);
    // The answer is small: head and body come in one piece, or at least end with the body.
    socket.on('data', (part: Buffer) => {
      if (part.toString('latin1').endsWith('warm')) next();
    });
    socket.on('close', () => end(new Error('the connection was closed')));
    socket.on('error', end);
  });
}
