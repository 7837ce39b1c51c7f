import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { createAuthority, type Pair } from '../../testkit/certificates.ts';
import { eventually, get, startLoad } from '../../testkit/load.ts';
import { hasOpenssl } from '../../testkit/openssl.ts';
import { findProgram, gatewayAddress, pageVersion, type GuideMesh } from '../mesh.ts';
import type { Scenario } from '../scenario.ts';
import { assertAll, assertShare, FEWER } from '../shares.ts';

const SAMPLES = fileURLToPath(new URL('../../../samples', import.meta.url));
const NODE = process.execPath;
const noOpenssl = (): string => (hasOpenssl ? '' : 'no openssl');

/** One line to a TCP server, and the first that comes back. */
function line(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write('hello\n'));
    socket.setEncoding('utf8').once('data', (text: string) => {
      resolve(text.trim());
      socket.destroy();
    });
    socket.on('error', (error) => resolve(error.message)).on('close', () => resolve('closed'));
  });
}

const ANSWERS = new Set(['v1 hello', 'v2 hello']);

const tcpShifting: Scenario = {
  guide: 'tcp-shifting',
  async run(mesh) {
    const host = gatewayAddress(mesh);
    const start = (version: string): Promise<AsyncDisposable> =>
      mesh.run({
        args: ['--app', 'tcp-echo', '--version', version, '--port', '9000:tcp', '-n', 'chain'],
        command: [NODE, join(SAMPLES, 'chain', 'tcp.mjs')],
        env: { VERSION: version },
      });
    await mesh.apply('tcp-shifting/service.yaml', 'tcp-shifting/all-v1.yaml');
    await using v1 = await start('v1');
    await using v2 = await start('v2');
    await eventually('the port is served', 10_000, async () => ((await line(host, 31_400)) === 'v1 hello' ? true : undefined));
    assert.deepEqual([v1 === v2, [...new Set(await Promise.all(Array.from({ length: 40 }, () => line(host, 31_400))))]], [false, ['v1 hello']]);
    let switched = false;
    const meanwhile = Array.from({ length: 4 }, async () => {
      const lines: string[] = [];
      while (!switched) lines.push(await line(host, 31_400));
      return lines;
    });
    await mesh.apply('tcp-shifting/v2-20.yaml').finally(() => (switched = true));
    const during = (await Promise.all(meanwhile)).flat();
    assert.deepEqual([during.length > 20, during.filter((text) => !ANSWERS.has(text))], [true, []]);
    let [left, seen] = [FEWER, 0];
    const caller = async (): Promise<void> => {
      while (left-- > 0) {
        const text = await line(host, 31_400);
        assert.ok(ANSWERS.has(text), text);
        if (text === 'v2 hello') seen++;
      }
    };
    await Promise.all(Array.from({ length: 20 }, caller));
    assertShare(seen, FEWER, 20);
  },
};

function https(options: RequestOptions): Promise<string> {
  return new Promise((resolve) => {
    const call = httpsRequest(
      { port: 8443, path: '/', servername: 'chain.example', headers: { host: 'chain.example' }, agent: false, ...options },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () => resolve(response.statusCode === 200 ? body : `status ${response.statusCode}`));
      },
    );
    call.on('error', () => resolve('refused')).end();
  });
}

/** Asks by TLS, one request after the other, until it is told to stop. */
function startTlsLoad(
  host: string,
  pair: RequestOptions,
  keepAlive: boolean,
): { readonly stop: () => Promise<{ readonly answers: number; readonly failures: readonly string[] }> } {
  const agent = new Agent({ keepAlive, maxSockets: 1, maxCachedSessions: keepAlive ? 100 : 0 });
  const failures: string[] = [];
  let answers = 0;
  let running = true;
  const done = (async () => {
    while (running) {
      const answer = await https({ host, agent, ...pair });
      if (answer.startsWith('customer')) answers++;
      else failures.push(`${new Date().toISOString()} ${answer}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return {
    async stop() {
      running = false;
      await done;
      agent.destroy();
      return { answers, failures };
    },
  };
}

/** A Secret as `kubectl create secret` makes it. */
function secret(name: string, namespace: string, values: Readonly<Record<string, string>>): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', stringData: values });
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-guide-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ingressTls: Scenario = {
  guide: 'ingress-tls',
  skip: noOpenssl,
  run: (mesh) =>
    withFolder(async (folder) => {
      const company = await createAuthority(folder, 'company');
      const stranger = await createAuthority(folder, 'stranger');
      const server = await company.issue('chain.example');
      const [client, foreign] = [await company.issue('a.client'), await stranger.issue('b.client')];
      const host = gatewayAddress(mesh);
      const ask = (pair?: Pair): Promise<string> => https({ host, ca: company.cert, ...pair });
      await mesh.applyText(secret('chain-tls', 'istio-system', { 'tls.crt': server.cert, 'tls.key': server.key, 'ca.crt': company.cert }));
      await mesh.apply('ingress-tls/simple.yaml');
      await eventually('HTTPS is served', 10_000, async () => ((await ask()).startsWith('customer') ? true : undefined));
      // Who shows a certificate does so before and after; on connections that last, and on new ones.
      const loads = [true, false].map((keepAlive) => startTlsLoad(host, { ca: company.cert, ...client }, keepAlive));
      await using _loads = { [Symbol.asyncDispose]: async () => void (await Promise.all(loads.map((load) => load.stop()))) };
      await mesh.apply('ingress-tls/mutual.yaml');
      await eventually('a client without a certificate is refused', 10_000, async () => ((await ask()) === 'refused' ? true : undefined));
      assert.match(await ask(client), /^customer/);
      assert.equal(await ask(foreign), 'refused');
      for (const { answers, failures } of await Promise.all(loads.map((load) => load.stop()))) {
        assert.deepEqual(failures, []);
        assert.ok(answers >= 20, `${answers} answers`);
      }
      await mesh.demo.cli('delete', 'secret', 'chain-tls', '-n', 'istio-system');
    }),
};

const egress: Scenario = {
  guide: 'egress',
  skip: noOpenssl,
  run: (mesh) =>
    withFolder(async (folder) => {
      const company = await createAuthority(folder, 'outside');
      const pair = await company.issue('external.example');
      const server = createServer(pair, (request, response) => response.end(`sni=${String((request.socket as TLSSocket).servername)}`));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const text = readFileSync(join(SAMPLES, 'guides', 'egress', 'external-service.yaml'), 'utf8');
        await mesh.applyText(text.replace('9443', String((server.address() as AddressInfo).port)));
        const ask = () => get(mesh.demo.urls.gateway, { host: 'external.example' });
        // Plain HTTP to a server that speaks TLS: there is an answer, and it is no good one.
        await eventually('the way is there', 10_000, async () => ((await ask()).status >= 400 && (await ask()).status !== 404 ? true : undefined));
        await mesh.applyText(secret('external-ca', 'istio-system', { 'ca.crt': company.cert }));
        await mesh.apply('egress/tls-origination.yaml');
        const answer = await eventually('TLS begins at the gateway', 10_000, async () => {
          const reply = await ask();
          return reply.status === 200 ? reply : undefined;
        });
        assert.equal(answer.body, 'sni=external.example');
        await mesh.demo.cli('delete', 'secret', 'external-ca', '-n', 'istio-system');
      } finally {
        server.closeAllConnections();
        server.close();
      }
    }),
};

const localityFailover: Scenario = {
  guide: 'locality-failover',
  async run(mesh) {
    await mesh.apply('locality-failover/places.yaml', 'locality-failover/near-first.yaml');
    const start = (group: string, name: string, version: string, next = ''): Promise<AsyncDisposable> =>
      mesh.run({
        args: ['--group', group, '-n', 'chain', '--workload', group],
        command: [NODE, join(SAMPLES, 'chain', 'server.mjs')],
        env: { NAME: name, VERSION: version, NEXT: next },
      });
    const near = await start('place-near', 'place', 'v1');
    await using far = await start('place-far', 'place', 'v2');
    await using traveller = await start('traveller', 'traveller', 'v1', 'place');
    const ask = (headers: Readonly<Record<string, string>> = {}) => get(mesh.demo.urls.gateway, { host: 'traveller.example', ...headers });
    const answers = async (headers?: Readonly<Record<string, string>>): Promise<string> => {
      const replies = await Promise.all(Array.from({ length: 12 }, () => ask(headers)));
      return [...new Set(replies.map(({ status, body }) => /place (v\d)/.exec(body)?.[1] ?? String(status)))].sort().join(' ');
    };
    const only = (place: string, headers?: Readonly<Record<string, string>>): Promise<true> =>
      eventually(`only ${place}`, 15_000, async () => ((await answers(headers)) === place ? true : undefined));
    await only('v1');
    await assertAll(mesh, 'v1', { host: 'traveller.example', link: 'traveller' });
    // Near fails: after some errors it is ejected, and the far region serves.
    await only('v2', { 'x-break': 'v1' });
    await only('v1');
    // Near is gone.
    await near[Symbol.asyncDispose]();
    await only('v2');
    assert.notEqual(far, traveller);
  },
};

const nginxIngress: Scenario = {
  guide: 'nginx-ingress',
  skip: () => (findProgram('nginx') ? '' : 'no nginx; install nginx-light'),
  async run(mesh: GuideMesh) {
    const folder = join(SAMPLES, 'guides', 'nginx-ingress');
    await using nginx = await mesh.run({ args: ['--app', 'nginx', '--port', '8088', '-n', 'bookinfo'], command: ['sh', join(folder, 'start.sh')] });
    const { address } = nginx;
    const page = async (user: string): Promise<string> => {
      const reply = await get(`http://${address}:8088/productpage`, { 'end-user': user });
      return reply.status === 200 ? pageVersion(reply) : String(reply.status);
    };
    await eventually('nginx serves the page', 10_000, async () => (/^v\d$/.test(await page('')) ? true : undefined));
    await using load = startLoad(`http://${address}:8088/productpage`, 1, {}, 20);
    await mesh.apply('nginx-ingress/productpage-v2-for-testers.yaml');
    for (let at = 0; at < 10; at++) assert.deepEqual([await page('tester'), await page('somebody')], ['v2', 'v1']);
    assert.deepEqual((await load.stop()).failures, []);
  },
};

export const scenarios: readonly Scenario[] = [tcpShifting, ingressTls, egress, localityFailover, nginxIngress];
