import { createHttpServer, HttpError, type HttpServer, json, request, type Route, text } from '@meltemi/http';
import { EXPOSITION_CONTENT_TYPE } from '@meltemi/telemetry/recording';
import type { Log } from '@meltemi/base';

/** The agent's own HTTP ports: health (15021) and merged metrics (15020). */
export interface Endpoints extends AsyncDisposable {
  readonly healthPort: number;
  readonly metricsPort: number;
  close(): Promise<void>;
}

export interface EndpointOptions {
  readonly address: string;
  readonly healthPort: number;
  readonly metricsPort: number;
  /** Why traffic cannot be served now; undefined when it can. */
  readonly notReady: () => Promise<string | undefined>;
  /** The proxy's metrics, Prometheus text. */
  readonly proxyMetrics: () => Promise<string>;
  /** The application's `/metrics`; undefined when it has none. */
  readonly applicationMetricsUrl: string | undefined;
  /** The agent's own, Prometheus text. */
  readonly ownMetrics: () => string;
  /** The proxy's own `/config_dump`, JSON text. */
  readonly configDump: () => Promise<string>;
  /** Exchanges the proxy for a new process; its id. Throws `agent/cannot-restart`. */
  readonly restartProxy: () => Promise<number>;
  /** Who may read the one and ask for the other: the control plane and this machine, not other workloads. */
  readonly mayInspect: (remoteAddress: string) => boolean;
  readonly log: Log;
}

const SCRAPE_TIMEOUT_MS = 3000;
const MAX_SCRAPE_BYTES = 8 * 1024 * 1024;

/** Starts both. Throws `http/listen`. */
export async function startEndpoints(options: EndpointOptions): Promise<Endpoints> {
  const ready = async (): Promise<ReturnType<typeof text>> => {
    const reason = await options.notReady();
    return reason === undefined ? text(200, '') : text(503, `${reason}\n`);
  };
  const metrics = async (): Promise<ReturnType<typeof text>> => ({
    ...text(200, await mergedMetrics(options)),
    headers: { 'content-type': EXPOSITION_CONTENT_TYPE },
  });
  const configDump: Route = {
    method: 'GET',
    path: '/config_dump',
    access: 'open',
    async handler({ remoteAddress }) {
      if (!options.mayInspect(remoteAddress))
        throw new HttpError(403, 'agent/forbidden', 'The configuration of a proxy is shown to its control plane and to its own machine only.');
      return { ...text(200, await options.configDump()), headers: { 'content-type': 'application/json; charset=utf-8' } };
    },
  };
  const restart: Route = {
    method: 'POST',
    path: '/restart_proxy',
    access: 'write',
    async handler({ remoteAddress }) {
      if (!options.mayInspect(remoteAddress))
        throw new HttpError(403, 'agent/forbidden', 'A proxy is exchanged for its control plane and for its own machine only.');
      try {
        return json(200, { pid: await options.restartProxy() });
      } catch (error) {
        throw new HttpError(409, 'agent/cannot-restart', error instanceof Error ? error.message : String(error), { cause: error });
      }
    },
  };
  const health = server([{ method: 'GET', path: '/healthz/ready', access: 'open', handler: ready }], options.log);
  const stats = server(
    [
      { method: 'GET', path: '/stats/prometheus', access: 'open', handler: metrics },
      { method: 'GET', path: '/metrics', access: 'open', handler: metrics },
      configDump,
      restart,
    ],
    options.log,
  );
  const close = async (): Promise<void> => {
    await Promise.all([health.close(0), stats.close(0)]);
  };
  try {
    const [healthAddress, metricsAddress] = await Promise.all([
      health.listen({ host: options.address, port: options.healthPort }),
      stats.listen({ host: options.address, port: options.metricsPort }),
    ]);
    return { healthPort: healthAddress.port, metricsPort: metricsAddress.port, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

// Scrapers and kubelet-like probes carry no credential. What changes something is asked by programs: a page that a browser shows must not, though it runs
// on the same machine.
function server(routes: readonly Route[], log: Log): HttpServer {
  return createHttpServer({
    routes,
    log,
    authorize: ({ access, headers }) =>
      access === 'write' && (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
        ? { t: 'refuse', status: 403, code: 'agent/forbidden', message: 'A page in a browser may not exchange a proxy.' }
        : { t: 'allow', caller: { t: 'anonymous' } },
  });
}

async function mergedMetrics(options: EndpointOptions): Promise<string> {
  const url = options.applicationMetricsUrl;
  const parts = await Promise.all([
    options.proxyMetrics().catch((error: unknown) => `# The proxy's metrics could not be read: ${oneLine(error)}\n`),
    // An application without metrics is no fault: silence then.
    url === undefined ? Promise.resolve('') : scrape(url).catch(() => ''),
  ]);
  return [...parts, options.ownMetrics()].map(ended).join('');
}

/** Reads Prometheus text from a URL. Throws `http/…`, `agent/scrape` for anything but text with status 200. */
export async function scrape(url: string): Promise<string> {
  const response = await request({ url, timeoutMs: SCRAPE_TIMEOUT_MS, maxBytes: MAX_SCRAPE_BYTES, headers: { accept: 'text/plain;version=0.0.4' } });
  const type = response.headers['content-type'] ?? '';
  // A page that an application serves at any path is not metrics.
  if (response.status !== 200 || !/^text\/plain|openmetrics/.test(type)) throw new Error(`${url} answered ${response.status} ${type}`);
  return response.text();
}

/** OpenMetrics ends with a mark that must not stand in the middle of a merged text. */
function ended(part: string): string {
  const body = part.replace(/^# EOF\s*$/m, '').trimEnd();
  return body === '' ? '' : `${body}\n`;
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
}
