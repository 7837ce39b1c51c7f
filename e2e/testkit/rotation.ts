import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startDemo, type Demo } from './demo.ts';
import { eventually, startLoad } from './load.ts';
import { proxiesOf } from './processes.ts';

/** How certificates are to rotate under load. */
export interface RotationOptions {
  readonly dataPlane: 'embedded' | 'envoy';
  readonly interception: 'ports' | 'auto';
  readonly ttlS: number;
  /** How often every watched certificate is to be replaced. */
  readonly rotations: number;
  readonly limitMs: number;
}

/** Why a data plane cannot be run here. */
export function skipOf(dataPlane: RotationOptions['dataPlane']): string | false {
  if (process.platform !== 'linux') return 'proxies are found through /proc';
  return dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
}

/** An HTTP and a TCP server; both are clients as well or have clients that are. */
const WATCHED = { 'details-v1': 9080, 'reviews-v2': 9080, 'postgresdb-v1': 5432 };
const PAUSE_MS = 15;

/** Runs Bookinfo under STRICT mutual TLS with load until all watched certificates were replaced so often. Answers the number of requests. */
export async function rotateUnderLoad(options: RotationOptions): Promise<number> {
  const args = ['--data-plane', options.dataPlane, '--interception', options.interception, '--cert-ttl', `${options.ttlS}s`, '--load', '0'];
  await using demo = await startDemo(args, { MELTEMI_ENVOY: findEnvoy() ?? '' });
  const strict = await demo.cli('apply', '--wait', '-f', 'samples/bookinfo/mtls/strict.yaml');
  assert.equal(strict.code, 0, strict.stderr);
  const load = startLoad(`${demo.urls.gateway}/productpage`, 3, {}, PAUSE_MS);
  try {
    await rotated(demo, options);
  } finally {
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(sent > 10 * options.ttlS, `${sent} requests`);
  }
  return load.count();
}

async function rotated(demo: Demo, { rotations, ttlS, limitMs }: RotationOptions): Promise<void> {
  const proxies = proxiesOf(demo.pid);
  const serials = new Map(Object.keys(WATCHED).map((workload) => [workload, new Set<string>()]));
  await eventually(`${rotations} rotations of each certificate`, limitMs, async () => {
    for (const [workload, port] of Object.entries(WATCHED)) {
      const address = proxies.find((proxy) => proxy.workload === workload)?.address ?? '';
      const { serial, leftMs, lifeMs } = await certificateAt(address, port);
      assert.ok(leftMs > 0, `${workload} shows a certificate that ended ${-leftMs} ms ago`);
      // Valid from 150 s before it is issued: clocks differ.
      assert.ok(Math.abs(lifeMs - (ttlS + 150) * 1000) <= 1000, `${workload}: ${lifeMs} ms`);
      serials.get(workload)?.add(serial);
    }
    return [...serials.values()].every((seen) => seen.size > rotations) ? true : undefined;
  });
}

/** The certificate that a sidecar shows to anybody. */
function certificateAt(host: string, port: number): Promise<{ serial: string; leftMs: number; lifeMs: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['istio'] }, () => {
      const { serialNumber, valid_from: from, valid_to: to } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ serial: serialNumber, leftMs: Date.parse(to) - Date.now(), lifeMs: Date.parse(to) - Date.parse(from) });
    });
    socket.setTimeout(2_000, () => socket.destroy(new Error('no handshake in 2 s')));
    socket.on('error', reject);
  });
}
