import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog, type Problem } from '@meltemi/base';
import { request } from '@meltemi/http';
import { startControlPlane } from './index.ts';

const OPTIONS = {
  configPaths: [],
  bind: '127.0.0.1',
  consolePort: 0,
  apiPort: 0,
  xdsPort: 0,
  adminToken: 'x'.repeat(43),
  trustDomain: 'cluster.local',
  workloadTtlMs: 86_400_000,
  accessLog: 'off' as const,
  tracingSamplingPercent: 0,
  version: '0.0.0',
  log: silentLog,
};

test("a console session is the console's: applications on other ports of the host see its cookie, and it must not let them write", async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-control-plane-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const { adminToken } = OPTIONS;
  await using controlPlane = await startControlPlane({
    ...OPTIONS,
    stateDir,
  });
  const opened = await request({ url: controlPlane.sessionUrl() });
  const cookie = opened.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  assert.equal(opened.status, 303);
  const shown = await request({ url: `${controlPlane.consoleUrl}/api/auth/info`, headers: { cookie } });
  const { sessionInfo } = shown.json() as { sessionInfo: { expiresOn: string } };
  assert.ok(Math.abs(Date.parse(sessionInfo.expiresOn) - Date.now() - 12 * 3_600_000) < 60_000, sessionInfo.expiresOn);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } };
  const write = (headers: Record<string, string>): ReturnType<typeof request> =>
    request({ url: `${controlPlane.apiUrl}/api/v1/namespaces`, method: 'POST', headers, body: JSON.stringify(namespace) });
  assert.equal((await write({ cookie })).status, 401);
  assert.equal((await write({ authorization: `Bearer ${adminToken}` })).status, 201);
});

test('bound to every address, xDS is announced at the one that the workload called to join', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-control-plane-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  await using controlPlane = await startControlPlane({ ...OPTIONS, stateDir, bind: '0.0.0.0' });
  const api = new URL(controlPlane.apiUrl);
  for (const called of ['127.0.0.1', '127.0.0.2']) {
    const joined = await request({
      url: `http://${called}:${api.port}/meltemi/v1/join`,
      method: 'POST',
      headers: { authorization: `Bearer ${OPTIONS.adminToken}` },
      body: JSON.stringify({ namespace: 'a', workload: 'x-v1' }),
    });
    const { xdsAddress } = joined.json() as { xdsAddress: string };
    assert.equal(xdsAddress, controlPlane.xdsAddress.replace(/^.*:/, `${called}:`));
  }
});

test('keys of an issuer that is away: the findings say so until it is back', async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-control-plane-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  let status = 503;
  const issuer = createServer((_, response) => void response.writeHead(status).end(KEYS)).listen(0, '127.0.0.1');
  await new Promise((listening) => issuer.once('listening', listening));
  t.after(() => void issuer.close());
  const rule = `jwtRules: [{ issuer: a, jwksUri: 'http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys' }]`;
  const file = join(stateDir, 'tokens.yaml');
  writeFileSync(file, `apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: { name: x, namespace: a }\nspec: { ${rule} }\n`);
  await using controlPlane = await startControlPlane({ ...OPTIONS, stateDir, configPaths: [file] });
  const found = async (): Promise<readonly string[]> => {
    const headers = { authorization: `Bearer ${OPTIONS.adminToken}` };
    const { problems } = (await request({ url: `${controlPlane.apiUrl}/meltemi/v1/problems`, headers })).json() as {
      readonly problems: readonly Problem[];
    };
    return problems.filter(({ code }) => code === 'MEL0211').map(({ message }) => message);
  };
  const until = async (holds: (messages: readonly string[]) => boolean): Promise<void> => {
    while (!holds(await found())) await new Promise((waited) => setTimeout(waited, 20));
  };
  await until((messages) => messages.some((message) => message.endsWith('answers with 503; every token of this issuer is refused')));
  status = 200;
  await until((messages) => messages.length === 0);
});

const KEYS = JSON.stringify({ keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })] });
