import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBackend } from './backend.ts';
import { bunVersion, findBun } from './bun.ts';
import { createAuthority } from './certs.ts';
import { envoyVersion, findEnvoy } from './envoy.ts';
import { envoyBootstrap, httpConfig } from './http-config.ts';
import { accepting, freePorts, start, type Measured } from './processes.ts';

export type Case = 'plain' | 'mesh';
export const ENVOY = 'envoy';

/** A proxy under measurement. */
export interface Proxy {
  readonly name: string;
  readonly version: string;
  readonly process: Measured;
  readonly ports: Readonly<Record<Case, number>>;
}

/** All of them, and what stands behind. */
export interface Field {
  readonly list: readonly Proxy[];
  readonly backend: string;
  readonly backendPorts: { readonly plain: number };
}

/** Starts the backend and every proxy that is installed, each with the same resources; `http2`: the backend speaks that. */
export async function startAll(
  directory: string,
  running: Measured[],
  { loud, http2 }: { readonly loud: boolean; readonly http2: boolean },
): Promise<Field> {
  const [backendPort = 0, tlsBackendPort = 0, admin = 0, ...ports] = await freePorts(9);
  const authority = await createAuthority();
  const backend = await startBackend(directory, { plain: backendPort, tls: tlsBackendPort, http2 }, authority);
  running.push(backend.process);
  await accepting(backendPort);
  await accepting(tlsBackendPort);
  const list: Proxy[] = [];
  const add = async (name: string, version: string, launch: (path: string) => Measured): Promise<void> => {
    const [plain = 0, mesh = 0] = ports.splice(0, 2);
    const logPath = join(directory, `${name}.log`);
    const config = await httpConfig({ plainPort: plain, meshPort: mesh, backendPort, tlsBackendPort, logPath, authority, http2 });
    const path = join(directory, `${name}.json`);
    writeFileSync(path, JSON.stringify(name === ENVOY ? envoyBootstrap(config, admin) : config), { mode: 0o600 });
    const proxy = { name, version, process: launch(path), ports: { plain, mesh } };
    running.push(proxy.process);
    list.push(proxy);
    await accepting(plain);
    await accepting(mesh);
  };
  const embedded = join(import.meta.dirname, 'embedded-proxy.ts');
  await add('meltemi', `embedded proxy on Node ${process.version}`, (path) =>
    start(process.execPath, ['--max-semi-space-size=16', embedded, path], { loud }),
  );
  const envoy = findEnvoy();
  if (envoy === undefined) console.log('Envoy was not found (MELTEMI_ENVOY, PATH, Python package "envoy"): no ratio, only our own numbers');
  else
    await add(ENVOY, envoyVersion(envoy), (path) =>
      start(envoy, ['-c', path, '--concurrency', '1', '-l', 'error', '--disable-hot-restart'], { loud }),
    );
  const bun = findBun();
  if (bun === undefined) console.log('Bun is not installed: the second transport is left out');
  else await add('bun', `embedded proxy on Bun ${bunVersion(bun)} (its node:net and node:tls)`, (path) => start(bun, [embedded, path], { loud }));
  return { list, backend: backend.name, backendPorts: { plain: backendPort } };
}
