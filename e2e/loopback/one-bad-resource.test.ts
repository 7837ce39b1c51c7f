/** Row 5 of the reliability table: one bad resource does not stop others, and its refusal is seen everywhere. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import { startControlPlaneProcess } from '../interop/control-plane-process.ts';
import { eventually } from '../testkit/load.ts';
import { entryHost, manyEntries } from '../testkit/many-entries.ts';
import { createLightProxy } from '../testkit/xds-client.ts';

const SERVICES = 100;
const SEEN_MS = 1_000;
const BAD = `outbound|80||${entryHost(42)}`;

test('row 5: one of 100 resources is refused: 99 are applied, API and metric tell of it within 1 s, and proxy-status names it', async (t) => {
  const configs = mkdtempSync(join(tmpdir(), 'meltemi-refused-'));
  writeFileSync(join(configs, 'all.yaml'), manyEntries(SERVICES));
  await using plane = await startControlPlaneProcess(['--config', configs]);
  const [address = '', port = ''] = plane.plaintextXds.split(':');
  const accepted = new Set<string>();
  let refusedMs = Infinity;
  const id = 'sidecar~10.0.0.7~reviews-v2.default~default.svc.cluster.local';
  const proxy = createLightProxy(
    loadCodec('sidecar'),
    { id, metadata: { NAMESPACE: 'default', GENERATOR: 'grpc' } },
    [TYPE_URL.cluster],
    (update) => {
      for (const { name } of update.added)
        if (name === BAD) refusedMs = performance.now();
        else if (name.endsWith('.example.com')) accepted.add(name);
    },
  );
  proxy.refuse.add(BAD);
  proxy.connect({ host: address, port: Number(port) });
  try {
    await eventually('all clusters came', 10_000, async () => (accepted.size === SERVICES - 1 && refusedMs < Infinity) || undefined);
    const metric = await eventually('the metric', SEEN_MS, async () => {
      const text = await (await fetch(`${plane.apiUrl}/metrics`)).text();
      return /^pilot_xds_cds_reject 1$/m.test(text) && /^pilot_total_xds_rejects\{type="cds"\} 1$/m.test(text) ? text : undefined;
    });
    assert.ok(metric !== '');
    const listed = (await (await fetch(`${plane.apiUrl}/meltemi/v1/proxies`)).json()) as { proxies: { types: { type: string }[] }[] };
    const seenMs = performance.now() - refusedMs;
    t.diagnostic(`seen after ${Math.round(seenMs)} ms`);
    assert.ok(seenMs <= SEEN_MS, `${seenMs} ms`);
    assert.deepEqual(
      listed.proxies.map(({ types }) => types.find(({ type }) => type === 'CDS')),
      [{ type: 'CDS', state: 'NACK', message: `${BAD}: refused by the test` }],
    );
    const { code, stdout, stderr } = await plane.cli(['proxy-status']);
    assert.equal(code, 1);
    assert.match(stdout, /NACK/);
    assert.ok(`${stdout}${stderr}`.includes(`refused CDS: ${BAD}: refused by the test`), `${stdout}${stderr}`);
  } finally {
    await proxy.disconnect();
    rmSync(configs, { recursive: true, force: true });
  }
});
