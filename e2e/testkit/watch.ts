import { Agent } from 'node:http';
import { eventually, get, reviewsVersion } from './load.ts';

/** Which version of reviews answered a request, and when the request was sent (`performance.now()`). */
interface Sighting {
  readonly sentMs: number;
  readonly version: string;
}

/** Requests for the product page, one after the other, whose answers are remembered. */
export interface Watch extends AsyncDisposable {
  /** What requests saw that were sent from `sinceMs` on, once there are `count` of them. */
  since(sinceMs: number, count: number): Promise<ReadonlySet<string>>;
  /** When the last request was sent that saw `version`. */
  last(version: string): number;
  /** Resolves with the failures. */
  stop(): Promise<readonly string[]>;
}

const MANY_MS = 15_000;

export function watchReviews(url: string, workers: number, headers: Readonly<Record<string, string>> = {}): Watch {
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const seen: Sighting[] = [];
  const failures: string[] = [];
  let running = true;
  const work = async (): Promise<void> => {
    while (running) {
      const sentMs = performance.now();
      const reply = await get(url, headers, agent);
      if (reply.status !== 200) failures.push(`${new Date().toISOString()} ${reply.status} ${reply.error ?? reply.body.slice(0, 300)}`);
      seen.push({ sentMs, version: reviewsVersion(reply.body) });
    }
  };
  const done = Promise.all(Array.from({ length: workers }, work));
  const stop = async (): Promise<readonly string[]> => {
    running = false;
    await done;
    agent.destroy();
    return failures;
  };
  return {
    async since(sinceMs, count) {
      const enough = await eventually(`${count} requests after the change`, MANY_MS, async () => {
        const later = seen.filter(({ sentMs }) => sentMs >= sinceMs);
        return later.length >= count ? later : undefined;
      });
      return new Set(enough.map(({ version }) => version).sort());
    },
    last: (version) => seen.findLast((sighting) => sighting.version === version)?.sentMs ?? 0,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
