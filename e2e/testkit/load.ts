import { Agent, request } from 'node:http';
import { availableParallelism, loadavg } from 'node:os';

export interface Reply {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly body: string;
  readonly error?: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** One GET; never rejects. */
export function get(url: string, headers: Readonly<Record<string, string>> = {}, agent?: Agent): Promise<Reply> {
  return new Promise((resolve) => {
    const call = request(url, { headers, ...(agent === undefined ? {} : { agent }), timeout: 20_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      response.on('error', (error) => resolve({ status: 0, body, error: error.message, headers: {} }));
    });
    call.on('timeout', () => call.destroy(new Error('no answer in 20 s')));
    call.on('error', (error) => resolve({ status: 0, body: '', error: error.message, headers: {} }));
    call.end();
  });
}

/** What a page of Bookinfo shows: which version of reviews answered. */
export function reviewsVersion(html: string): 'v1' | 'v2' | 'v3' | 'none' {
  const match = /reviews-(v[123])/.exec(html);
  return (match?.[1] as 'v1' | 'v2' | 'v3' | undefined) ?? 'none';
}

/** Sends `count` requests over `workers` kept-alive connections and counts what came back. */
export async function burst(
  url: string,
  count: number,
  workers = 8,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ statuses: Map<number, number>; versions: Map<string, number>; errors: string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const statuses = new Map<number, number>();
  const versions = new Map<string, number>();
  const errors: string[] = [];
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const reply = await get(url, headers, agent);
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
      const version = reviewsVersion(reply.body);
      versions.set(version, (versions.get(version) ?? 0) + 1);
      if (reply.status !== 200) errors.push(`${reply.status} ${reply.error ?? reply.body.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  agent.destroy();
  return { statuses, versions, errors };
}

/** Load that runs until `stop()`; tells every failure with its time. */
export interface RunningLoad extends AsyncDisposable {
  readonly count: () => number;
  stop(): Promise<{ readonly sent: number; readonly failures: readonly string[] }>;
}

/** Each worker asks again as soon as it is answered, or `pauseMs` later. */
export function startLoad(url: string, workers = 4, headers: Readonly<Record<string, string>> = {}, pauseMs = 0): RunningLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const failures: string[] = [];
  let sent = 0;
  let running = true;
  const done = Promise.all(
    Array.from({ length: workers }, async () => {
      while (running) {
        const reply = await get(url, headers, agent);
        sent++;
        if (reply.status !== 200) failures.push(`${new Date().toISOString()} ${reply.status} ${reply.error ?? reply.body.slice(0, 300)}`);
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }),
  );
  const stop = async (): Promise<{ sent: number; failures: readonly string[] }> => {
    running = false;
    await done;
    agent.destroy();
    return { sent, failures };
  };
  return {
    count: () => sent,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

/** Limits are for a machine that has the time: where others keep it busy, they grow with the queue for a processor. */
export function patient(limitMs: number): number {
  return limitMs * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism() / 3);
}

/** Waits until `test` answers something other than undefined; fails with `what` after `timeoutMs`. Polls, for conditions outside of this process. */
export async function eventually<T>(what: string, timeoutMs: number, test: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last = '';
  for (;;) {
    try {
      const value = await test();
      if (value !== undefined) return value;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}${last === '' ? '' : ` (last: ${last})`}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
