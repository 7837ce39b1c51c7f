import { Agent, request } from 'node:http';
import { enableCompileCache } from 'node:module';

/** What the load generator did in a stretch of time. */
export interface LoadSummary {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly requestsPerSecond: number;
  /** Called every `reportMs` with what happened since the last call. */
  readonly report: (summary: LoadSummary) => void;
  readonly reportMs?: number;
}

const MAX_IN_FLIGHT = 256;
const TIMEOUT_MS = 15_000;

/** A steady rate of GET requests to one URL, on kept connections: the clock sets the pace, not the answers. Ends by `stop`. */
export function startLoad(options: LoadOptions): { stop(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  const window = { latenciesMs: [] as number[], failed: 0, startedMs: performance.now() };
  const beganMs = performance.now();
  let sent = 0;
  let inFlight = 0;
  const tick = setInterval(
    () => {
      const due = Math.floor(((performance.now() - beganMs) / 1000) * options.requestsPerSecond);
      for (; sent < due; sent += 1) {
        if (inFlight >= MAX_IN_FLIGHT) {
          window.failed += 1;
          continue;
        }
        inFlight += 1;
        send(options.url, agent, (latencyMs) => {
          inFlight -= 1;
          if (latencyMs === undefined) window.failed += 1;
          else window.latenciesMs.push(latencyMs);
        });
      }
    },
    Math.max(5, Math.min(100, 500 / options.requestsPerSecond)),
  );
  const flush = (): void => {
    options.report(summarize(window.latenciesMs, window.failed, (performance.now() - window.startedMs) / 1000));
    Object.assign(window, { latenciesMs: [], failed: 0, startedMs: performance.now() });
  };
  const reporter = setInterval(flush, options.reportMs ?? 10_000);
  let stopped = false;
  return {
    stop: () => {
      if (stopped) return;
      stopped = true;
      clearInterval(tick);
      clearInterval(reporter);
      flush();
      agent.destroy();
    },
  };
}

function send(url: string, agent: Agent, done: (latencyMs: number | undefined) => void, again = true): void {
  const startedMs = performance.now();
  let answered = false;
  const call = request(url, { agent, signal: AbortSignal.timeout(TIMEOUT_MS), headers: { 'user-agent': 'bookinfo-loadgen' } }, (response) => {
    let ended = false;
    answered = true;
    response.resume();
    response.once('end', () => {
      ended = true;
      const ok = (response.statusCode ?? 0) < 400;
      done(ok ? performance.now() - startedMs : undefined);
    });
    response.once('close', () => {
      if (!ended) done(undefined);
    });
  });
  call.on('error', (error: NodeJS.ErrnoException) => {
    if (answered) return; // told by the response's own events
    if (again && call.reusedSocket && error.code === 'ECONNRESET') send(url, agent, done, false);
    else done(undefined);
  });
  call.end();
}

function summarize(latenciesMs: readonly number[], failed: number, seconds: number): LoadSummary {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (quantile: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0;
  return { requests: sorted.length + failed, failed, seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

export function summaryLine(summary: LoadSummary): string {
  const rate = summary.seconds > 0 ? summary.requests / summary.seconds : 0;
  return `loadgen: ${summary.requests} requests in ${summary.seconds.toFixed(1)}s (${rate.toFixed(1)}/s), ${summary.failed} failed, p50 ${summary.p50Ms.toFixed(1)}ms, p99 ${summary.p99Ms.toFixed(1)}ms`;
}

if (import.meta.main) {
  enableCompileCache();
  const url = process.env['URL'] ?? process.argv[2];
  const requestsPerSecond = Number(process.env['RPS'] ?? process.argv[3] ?? '5');
  if (url === undefined || !URL.canParse(url) || !(requestsPerSecond > 0)) {
    console.error('loadgen: needs URL (http://…) and RPS (> 0), in the environment or as two arguments');
    process.exit(2);
  }
  console.log(`loadgen: ${requestsPerSecond} requests/s to ${url}`);
  const load = startLoad({ url, requestsPerSecond, report: (summary) => console.log(summaryLine(summary)) });
  const stop = (): void => {
    load.stop();
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
