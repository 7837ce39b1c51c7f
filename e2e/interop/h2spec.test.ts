/** h2spec, an HTTP/2 conformance suite, against the embedded proxy: in clear text and over TLS, with an HTTP/1.1 server behind. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { createContext } from '../parity/harness/context.ts';
import { createIdentities } from '../parity/harness/identities.ts';
import { startEmbedded } from '../parity/harness/proxies.ts';
import { cluster, hcm, listener, serverTls, to } from '../parity/resources.ts';
import { eventually } from '../testkit/load.ts';

const CASES = 145;
const NO_H2SPEC = 'h2spec is not installed (MELTEMI_H2SPEC or PATH)';
const START_LIMIT_MS = 10_000;

function findH2spec(): string | undefined {
  const named = process.env['MELTEMI_H2SPEC'];
  const path = named ?? 'h2spec';
  return spawnSync(path, ['--version']).status === 0 ? path : undefined;
}

const h2spec = findH2spec();

/** What h2spec says about a port: its last line, and the cases that failed. */
async function run(path: string, args: readonly string[]): Promise<string> {
  const child = spawn(path, [...args, '--timeout', '2'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  await new Promise((resolve) => child.once('close', resolve));
  const summary = /\d+ tests, \d+ passed, \d+ skipped, \d+ failed/.exec(text)?.[0] ?? text;
  // Failures are told twice: where they happen and at the end.
  const failures = text.split('\nFailures:')[1] ?? '';
  return `${summary}${failures}`;
}

test(`h2spec: ${CASES} of ${CASES} in clear text and over TLS`, { skip: h2spec === undefined && NO_H2SPEC, timeout: 240_000 }, async () => {
  const backend = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('an answer that is long enough for windows of a few bytes'));
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const { port } = backend.address() as AddressInfo;
  const identities = await createIdentities();
  await using proxy = await startEmbedded(loadCodec('all'), identities);
  const c = createContext('h2spec', proxy.place, new Map([['main', { host: '127.0.0.1', port }]]));
  // With `AUTO` a wrong preface would be HTTP/1.1, and answered so.
  const filters = [hcm(c, [to(c, 'main')], { codec_type: 'HTTP2' })];
  const tls = { filter_chains: [{ filters, transport_socket: serverTls(c, 'server', { alpn: ['h2'] }) }] };
  const refused = await proxy.xds.push({ listeners: [listener(c, filters), listener(c, [], tls, 'tls')], clusters: [cluster(c, 'main')] });
  assert.deepEqual(refused, []);
  await eventually('both listeners listen', START_LIMIT_MS, async () => ((await proxy.listeners()).size === 2 ? true : undefined));
  try {
    const all = `${CASES} tests, ${CASES} passed, 0 skipped, 0 failed`;
    assert.equal((await run(h2spec as string, ['-h', c.address, '-p', String(c.port())])).trim(), all, 'clear text');
    assert.equal((await run(h2spec as string, ['-h', c.address, '-p', String(c.port('tls')), '-t', '-k'])).trim(), all, 'TLS');
  } finally {
    backend.closeAllConnections();
    backend.close();
  }
});
