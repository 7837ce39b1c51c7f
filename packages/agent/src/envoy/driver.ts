import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { type MethodHandler, Status, unaryMethod } from '@meltemi/grpc';
import { createHttpServer, request, text } from '@meltemi/http';
import { formatSpiffeId } from '@meltemi/pki';
import { TYPE_URL } from '@meltemi/protos-types';
import { EXPOSITION_CONTENT_TYPE, workloadLabels, writeExposition, type WorkloadLabels } from '@meltemi/telemetry/recording';
import { adminAddress } from '../data-plane/admin-address.ts';
import type { DataPlaneContext } from '../data-plane/create.ts';
import type { DataPlaneDriver } from '../data-plane/data-plane.ts';
import { configDumpOf, isReady } from '../data-plane/embedded.ts';
import { scrape } from '../endpoints/endpoints.ts';
import { resourceAttributes, workloadLabels as objectLabels, xdsNode } from '../node.ts';
import type { Platform } from '../platform.ts';
import type { DataPlane } from '../types.ts';
import { decodeLogMessage } from './access-log-entry.ts';
import { envoyBootstrap } from './bootstrap.ts';
import { createClients } from './clients.ts';
import { findEnvoy } from './find.ts';
import { createMeshFacts } from './mesh-facts.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { decodeSpans, type SpanDefaults } from './spans.ts';

const ACCESS_LOGS = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const EXPORT_TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const DRAIN_POLL_MS = 50;
const DRAIN_TIME_MS = 45_000;
const MAX_CONCURRENCY = 2;

/** Stock Envoy, fed over the agent's socket; what it logs becomes our metrics and spans. Throws `envoy/…`. */
export async function envoyDriver(context: DataPlaneContext, dataPlane: Extract<DataPlane, { t: 'envoy' }>): Promise<DataPlaneDriver> {
  const { config, relay, registry, platform } = context;
  const binary = await findEnvoy(dataPlane.binary);
  const bootstrap = await writeBootstrap(context);
  platform.log.info('Using Envoy', { path: binary.path, version: binary.version });
  const local = ownLabels(context);
  const clients = createClients(relay);
  const recorder = createRecorder({
    registry,
    local,
    principal: formatSpiffeId({
      trustDomain: config.join.trustDomain,
      namespace: config.identity.namespace,
      serviceAccount: config.identity.serviceAccount,
    }),
    gateway: config.type === 'router',
    facts: createMeshFacts(relay),
    clients,
    now: () => platform.clock.now(),
  });
  const admin = `http://${adminAddress(config)}:${config.ports.admin}`;
  const metrics = async (): Promise<string> => writeExposition(registry, platform.clock.now()) + (await scrape(`${admin}/stats/prometheus`));
  const server = await serveMetrics(context, metrics);
  const concurrency = concurrencyOf(dataPlane.concurrency ?? config.join.proxy?.concurrency);
  return {
    command: [
      binary.path,
      '-c',
      bootstrap,
      '--disable-hot-restart',
      '--concurrency',
      String(concurrency),
      '--log-level',
      'warning',
      // Time-outs of gRPC calls stand in a field that Envoy calls deprecated and has not replaced; it would say so for each route and push. Istio asks the same.
      '--component-log-level',
      'misc:error',
      // A line of the access log is on its way after a second, not after ten.
      '--file-flush-interval-msec',
      '1000',
      // Connections of a chain that is gone end with their next response, what cannot be told so after Istio's drainDuration.
      '--drain-strategy',
      'immediate',
      '--drain-time-s',
      String(Math.max(1, Math.ceil((config.join.proxy?.drainMs ?? DRAIN_TIME_MS) / 1000))),
    ],
    env: { ...process.env, OTEL_RESOURCE_ATTRIBUTES: resourceAttributes(config), ...config.join.proxy?.environment },
    stdin: 'none',
    probe: () => isReady(admin),
    drain: (timeoutMs) => drain(admin, timeoutMs, platform),
    metrics,
    configDump: () => configDumpOf(admin),
    methods: { [ACCESS_LOGS]: accessLogs(recorder, platform), [EXPORT_TRACES]: exportTraces(context, spanDefaults(context, local)) },
    onUpdate(typeUrl) {
      if (typeUrl === TYPE_URL.workload) clients.refresh();
    },
    close: () => server.close(0),
  };
}

/** 0 is one thread for each processor. */
function concurrencyOf(asked: number | undefined): number {
  if (asked === undefined) return Math.min(MAX_CONCURRENCY, availableParallelism());
  return asked === 0 ? availableParallelism() : asked;
}

async function writeBootstrap({ config, socketPath }: DataPlaneContext): Promise<string> {
  const path = join(dirname(socketPath), 'envoy.json');
  const bootstrap = envoyBootstrap({ node: xdsNode(config), socketPath, adminAddress: adminAddress(config), adminPort: config.ports.admin });
  await writeFile(path, JSON.stringify(bootstrap), { mode: 0o600 });
  return path;
}

function ownLabels({ config }: DataPlaneContext): WorkloadLabels {
  return workloadLabels(config.identity.workload, config.identity.namespace, objectLabels(config), 'meltemi');
}

function spanDefaults({ config }: DataPlaneContext, local: WorkloadLabels): SpanDefaults {
  return {
    service: `${local.canonicalService}.${local.namespace}`,
    tags: {
      node_id: xdsNode(config).id,
      'istio.canonical_service': local.canonicalService,
      'istio.canonical_revision': local.canonicalRevision,
      'istio.namespace': local.namespace,
      'istio.cluster_id': local.cluster,
      'istio.mesh_id': config.join.trustDomain,
    },
  };
}

/** Envoy opens a stream for each log; its first message says which. */
export function accessLogs(recorder: Pick<Recorder, 'record'>, { log }: Pick<Platform, 'log'>): MethodHandler {
  return (call) => {
    let direction: 'inbound' | 'outbound' = 'outbound';
    return {
      onMessage(message) {
        try {
          const { logName, entries } = decodeLogMessage(message);
          if (logName !== undefined) direction = logName.endsWith('inbound') ? 'inbound' : 'outbound';
          for (const entry of entries) recorder.record(entry, direction);
        } catch (error) {
          log.error("An entry of Envoy's access log cannot be read", { error: String(error) });
          call.end({ code: Status.INVALID_ARGUMENT, message: 'the entry cannot be read' });
        }
      },
      onHalfClose: () => call.end(),
    };
  };
}

function exportTraces(context: DataPlaneContext, defaults: SpanDefaults): MethodHandler {
  return unaryMethod((message) => {
    for (const span of decodeSpans(message, defaults)) context.addSpan(span);
    return new Uint8Array(); // everything was taken
  });
}

/** The proxy's metrics port, where our own proxy has it too. */
async function serveMetrics(context: DataPlaneContext, metrics: () => Promise<string>): Promise<{ close(graceMs: number): Promise<void> }> {
  const { config, platform } = context;
  const handler = async (): Promise<ReturnType<typeof text>> => ({
    ...text(200, await metrics()),
    headers: { 'content-type': EXPOSITION_CONTENT_TYPE },
  });
  const server = createHttpServer({
    routes: [{ method: 'GET', path: '/stats/prometheus', access: 'open', handler }],
    authorize: () => ({ t: 'allow', caller: { t: 'anonymous' } }),
    log: platform.log,
  });
  await server.listen({ host: config.join.address, port: config.ports.proxyMetrics });
  return server;
}

/** Responses end their connections from now on, nobody new is let in; then waits until no request is open. */
async function drain(admin: string, timeoutMs: number, { clock, timers }: Platform): Promise<void> {
  for (const how of ['?graceful&skip_exit', '']) await request({ url: `${admin}/drain_listeners${how}`, method: 'POST', timeoutMs: 1000 });
  const deadline = clock.monotonic() + timeoutMs;
  while (clock.monotonic() < deadline) {
    const stats = await request({ url: `${admin}/stats?filter=downstream_rq_active`, timeoutMs: 1000 });
    if ([...stats.text().matchAll(/^http\.(?!admin).*: (\d+)$/gm)].every(([, active]) => active === '0')) return;
    await new Promise<void>((resolve) => timers.after(DRAIN_POLL_MS, resolve));
  }
}
