import { MeshError } from '@meltemi/base';
import { request } from '@meltemi/http';
import { createClient } from '../client/control-plane-client.ts';
import { acknowledged } from '../client/proxies.ts';
import type { DemoControlPlane } from './demo-control-plane.ts';

const PROXIES_TIMEOUT_MS = 30_000;

/**
 * Resolves when every proxy knows that all applications are there. Only then is the first request sent: one that came earlier would fail, and
 * stand in the graph as an error that nobody made.
 */
export async function waitForProxies(controlPlane: DemoControlPlane): Promise<void> {
  const result = await acknowledged(createClient(controlPlane.url, controlPlane.token), PROXIES_TIMEOUT_MS);
  const [refusal] = result.rejected;
  if (refusal !== undefined) throw new MeshError('demo/proxies', `${refusal.nodeId} refused its configuration: ${refusal.message}`);
  if (result.t !== 'acknowledged')
    throw new MeshError('demo/proxies', `not in force after ${PROXIES_TIMEOUT_MS / 1000} s at: ${result.pending.join(', ')}`);
}

const PAGE_TIMEOUT_MS = 30_000;
const PAGE_RETRY_MS = 100;

/** Resolves when the page is whole: with details, reviews and no error in it. */
export async function waitForPage(url: string): Promise<void> {
  const deadline = performance.now() + PAGE_TIMEOUT_MS;
  let last = 'no answer';
  for (let good = 0; good < 3;) {
    const answer = await request({ url, timeoutMs: 5_000 }).catch((error: unknown) => String(error));
    good = typeof answer !== 'string' && answer.status === 200 && answer.text().includes('Reviews served by') ? good + 1 : 0;
    last = typeof answer === 'string' ? answer : `status ${answer.status}`;
    if (performance.now() > deadline)
      throw new MeshError(
        'demo/page',
        `the product page did not come up at ${url} (last: ${last}). The logs of the workloads are in the folder "logs" of the state directory.`,
      );
    if (good === 0) await new Promise((resolve) => setTimeout(resolve, PAGE_RETRY_MS));
  }
}
