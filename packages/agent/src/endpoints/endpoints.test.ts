import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { request } from '@meltemi/http';
import { startEndpoints } from './endpoints.ts';

test('a proxy is exchanged for those who may ask, and never for a page that a browser shows', async () => {
  let restarts = 0;
  let mayInspect = true;
  await using endpoints = await startEndpoints({
    address: '127.0.0.1',
    healthPort: 0,
    metricsPort: 0,
    notReady: () => Promise.resolve(undefined),
    proxyMetrics: () => Promise.resolve(''),
    applicationMetricsUrl: undefined,
    ownMetrics: () => '',
    configDump: () => Promise.resolve('{}'),
    restartProxy: () => Promise.resolve(++restarts),
    mayInspect: () => mayInspect,
    log: silentLog,
  });
  const url = `http://127.0.0.1:${endpoints.metricsPort}/restart_proxy`;
  const ask = async (headers: Readonly<Record<string, string>> = {}): Promise<number> => (await request({ url, method: 'POST', headers })).status;
  assert.deepEqual([await ask(), restarts], [200, 1]);
  assert.deepEqual([await ask({ origin: 'http://evil.example' }), await ask({ 'sec-fetch-site': 'cross-site' }), restarts], [403, 403, 1]);
  mayInspect = false;
  assert.deepEqual([await ask(), restarts], [403, 1]);
});
