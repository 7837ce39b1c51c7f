import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import { startControlPlaneProcess } from '../interop/control-plane-process.ts';
import { eventually } from './load.ts';
import { manyEntries } from './many-entries.ts';
import { createLightProxy, type LightProxy } from './xds-client.ts';

const SERVICES = 20;

interface Acknowledged {
  readonly t: string;
  readonly acknowledged: number;
}

const hasEndpoints = ({ updates }: LightProxy): boolean => updates.some(({ typeUrl }) => typeUrl === TYPE_URL.endpoint);

/** What a process has in memory, or has had at most; NaN where that cannot be asked. */
function memoryMb(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  if (process.platform !== 'linux') return NaN;
  return Number(new RegExp(`^${what}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/**
 * So many proxies get their configuration from one control plane, which goes; its successor, of the same configuration, gets all of them at once. Answers
 * how long it took until all had acknowledged, and its memory. Fails when anybody is told that something is gone, or gets endpoints that are none, and when it
 * has ever had twice the memory that its predecessor had at rest.
 */
export async function reconnect(proxies: number, limitMs: number): Promise<string> {
  const configs = mkdtempSync(join(tmpdir(), 'meltemi-reconnect-'));
  writeFileSync(join(configs, 'all.yaml'), manyEntries(SERVICES));
  const codec = loadCodec('sidecar');
  const wrong: string[] = [];
  const clients = Array.from({ length: proxies }, (_, index) =>
    createLightProxy(
      codec,
      {
        id: `sidecar~10.0.${index >> 8}.${index & 255}~w${index}.default~default.svc.cluster.local`,
        metadata: { NAMESPACE: 'default', GENERATOR: 'grpc' },
      },
      [TYPE_URL.cluster],
      (update, subscribe) => {
        for (const name of update.removed) wrong.push(`${index}: ${name} is gone`);
        if (update.typeUrl === TYPE_URL.cluster) {
          const names = update.added.map(({ name }) => name).filter((name) => name.endsWith('.example.com'));
          if (names.length > 0) subscribe(TYPE_URL.endpoint, names);
        }
        if (update.typeUrl !== TYPE_URL.endpoint) return;
        for (const { name, bytes } of update.added)
          if (!JSON.stringify(codec.decode(TYPE_URL.endpoint, bytes)).includes('127.0.0.1')) wrong.push(`${index}: ${name} is empty`);
      },
    ),
  );
  /** All connect at once; resolves when all have acknowledged. */
  const connectAll = async (plane: { readonly plaintextXds: string; readonly apiUrl: string }): Promise<number> => {
    const [address = '', port = ''] = plane.plaintextXds.split(':');
    const begun = performance.now();
    for (const client of clients) client.connect({ host: address, port: Number(port) });
    await eventually('all have acknowledged', limitMs, async () => {
      const answer = await fetch(`${plane.apiUrl}/meltemi/v1/acknowledged?timeoutMs=1000`);
      const { t, acknowledged } = (await answer.json()) as Acknowledged;
      return (t === 'acknowledged' && acknowledged === proxies) || undefined;
    });
    return performance.now() - begun;
  };
  let restMb = 0;
  try {
    {
      await using plane = await startControlPlaneProcess(['--config', configs]);
      await connectAll(plane);
      // A proxy that has its clusters and has not asked for their endpoints yet has acknowledged all that it got.
      await eventually('all have endpoints', limitMs, async () => clients.every(hasEndpoints) || undefined);
      restMb = memoryMb(plane.pid, 'VmRSS');
      await Promise.all(clients.map((client) => client.disconnect()));
    }
    await using plane = await startControlPlaneProcess(['--config', configs]);
    const tookMs = await connectAll(plane);
    const mostMb = memoryMb(plane.pid, 'VmHWM');
    await Promise.all(clients.map((client) => client.disconnect()));
    assert.deepEqual(wrong, []);
    assert.ok(!(mostMb >= 2 * restMb), `${mostMb} MB, of ${restMb} MB at rest`);
    return `${Math.round(tookMs)} ms, ${Math.round(mostMb)} MB at most, ${Math.round(restMb)} MB at rest`;
  } finally {
    rmSync(configs, { recursive: true, force: true });
  }
}
