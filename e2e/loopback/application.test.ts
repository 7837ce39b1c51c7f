/** An application is called when it listens and no longer when it has ended: no request is lost to either, and the start leaves no error in the metrics. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { skipOf } from '../testkit/rotation.ts';
import { startDemo } from '../testkit/demo.ts';
import { burst, eventually, get, reviewsVersion } from '../testkit/load.ts';
import { descendants } from '../testkit/processes.ts';
import { query } from '../testkit/prometheus.ts';

/** The application of a workload: the one program that was told this name as its host name. */
function applicationOf(demo: number, workload: string): number {
  const found = descendants(demo).find(({ pid }) => {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    return environment.includes(`HOSTNAME=${workload}`) && environment.includes('CLUSTER_NAME=meltemi');
  });
  assert.ok(found !== undefined, `no application of ${workload} runs`);
  return found.pid;
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  test(
    `${dataPlane}: no error stands in the metrics of a start; a workload whose application dies is called no more`,
    { skip: skipOf(dataPlane) },
    async () => {
      await using demo = await startDemo(['--data-plane', dataPlane, '--interception', 'ports', '--load', '0']);
      const page = `${demo.urls.gateway}/productpage`;
      await burst(page, 30);
      await eventually('the requests are counted', 10_000, async () =>
        (await query(demo, 'istio_requests_total{destination_workload="reviews-v3"}')).length > 0 ? true : undefined,
      );
      assert.deepEqual(await query(demo, 'istio_requests_total{response_code!="200"}'), []);
      assert.deepEqual(await query(demo, 'istio_requests_total{response_flags!="-"}'), []);

      process.kill(applicationOf(demo.pid, 'reviews-v3'), 'SIGKILL');
      await eventually('the demo tells it', 5_000, () =>
        Promise.resolve(/reviews-v3 ended with SIGKILL; its endpoint leaves the mesh/.test(demo.log()) ? true : undefined),
      );
      await eventually('its endpoint has left', 5_000, async () => {
        const versions = await burst(page, 12, 4);
        return versions.versions.has('v3') || versions.versions.has('none') ? undefined : true;
      });
      const after = await burst(page, 60);
      assert.deepEqual([[...after.statuses], [...after.versions.keys()].sort()], [[[200, 60]], ['v1', 'v2']]);
      assert.notEqual(reviewsVersion((await get(page)).body), 'none');
    },
  );
}
