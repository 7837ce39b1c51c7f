import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { envoyBootstrap } from './bootstrap.ts';
import { findEnvoy } from './find.ts';

const bootstrap = envoyBootstrap({
  node: { id: 'sidecar~127.0.0.1~reviews-v1.bookinfo~bookinfo.svc.cluster.local', cluster: 'reviews.bookinfo', metadata: {} },
  socketPath: '/tmp/mlt-test/agent.sock',
  adminAddress: '127.0.0.1',
  adminPort: 15000,
});

test('all that Envoy knows from the start is the agent, by its socket; nothing in the file is secret', () => {
  const { static_resources: resources } = bootstrap as { static_resources: { clusters: unknown[]; listeners?: unknown } };
  assert.equal(resources.clusters.length, 1);
  assert.equal(resources.listeners, undefined);
  const text = JSON.stringify(bootstrap);
  assert.deepEqual(text.match(/"(?:socket_address|pipe)":\{[^}]*/g), [
    '"socket_address":{"address":"127.0.0.1","port_value":15000',
    '"pipe":{"path":"/tmp/mlt-test/agent.sock"',
  ]);
  assert.ok(!/PRIVATE|CERTIFICATE|token/i.test(text));
});

const envoy = await findEnvoy(undefined).catch((error: unknown) => String(error));

test('a real Envoy takes it', { skip: typeof envoy === 'string' ? envoy : false }, () => {
  assert.ok(typeof envoy !== 'string');
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-bootstrap-'));
  try {
    const file = join(folder, 'envoy.json');
    writeFileSync(file, JSON.stringify(bootstrap));
    const run = spawnSync(envoy.path, ['--mode', 'validate', '-c', file, '--log-level', 'warning'], { encoding: 'utf8', timeout: 30_000 });
    assert.equal(run.status, 0, run.stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
