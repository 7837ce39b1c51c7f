import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBackend, type Backend, type BackendKind } from './backend.ts';
import { bunVersion, findBun } from './bun.ts';
import { createAuthority, type Authority } from './certs.ts';
import { envoyVersion, findEnvoy } from './envoy.ts';
import type { Load } from './load.ts';
import { accepting, freePorts, start, type Measured } from './processes.ts';
import { bundleProxy } from './product.ts';
import { envoyBootstrap, type Resources } from './resources.ts';
import { RIVALS } from './rivals.ts';

export const ENVOY = 'envoy';
const OURS = 'meltemi';

/** What a case is made of, for one proxy. */
export interface Place {
  /** Where the proxy listens for this case. */
  readonly port: number;
  readonly backend: Backend;
  readonly authority: Authority;
  /** For its access log. */
  readonly logPath: string;
}

/** What is measured: resources, and the load that goes through them. */
export interface Case {
  readonly name: string;
  /** One line: what this is. */
  readonly text: string;
  readonly resources: (place: Place) => Promise<Resources>;
  readonly load: Load;
  /** What nginx and HAProxy can do of it, if they can. */
  readonly rivals?: 'http' | 'tcp';
  /** Times Envoy's requests per CPU-second, by proxy: must be reached, and should. */
  readonly floor?: Readonly<Record<string, number>>;
  readonly goal?: Readonly<Record<string, number>>;
}

/** A proxy under measurement. */
export interface Proxy {
  readonly name: string;
  readonly version: string;
  readonly process: Measured;
  /** By case; a proxy that cannot do a case has none. */
  readonly ports: Readonly<Record<string, number>>;
  /** Milliseconds from its start until it accepted on all ports. */
  readonly startMs: number;
}

/** All of them, and what stands behind. */
export interface Field {
  readonly list: readonly Proxy[];
  readonly backend: Backend;
  readonly authority: Authority;
  readonly directory: string;
}

/** How the field is set up. */
export interface FieldOptions {
  readonly cases: readonly Case[];
  readonly backend: BackendKind;
  readonly loud: boolean;
}

/** Options of Node's process as the agent starts it. */
const NODE_OPTIONS: readonly string[] = ['--max-semi-space-size=4'];
const NODE_ENV: NodeJS.ProcessEnv = { MALLOC_ARENA_MAX: '1' };

/** Runs with the backend and every proxy that is installed, each with the same resources; ends them all afterwards. */
export async function withField(options: FieldOptions, use: (field: Field) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'meltemi-bench-'));
  const running: Measured[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(running.map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  };
  const interrupted = (): void => void end().then(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await use(await startAll(directory, running, options));
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await end();
  }
}

/** A proxy before it runs. */
interface Entrant {
  readonly name: string;
  readonly version: string;
  readonly cases: readonly Case[];
  /** Writes its configuration; answers the command. */
  prepare(
    ports: Readonly<Record<string, number>>,
  ): Promise<{ readonly command: string; readonly args: readonly string[]; readonly env?: NodeJS.ProcessEnv }>;
}

async function startAll(directory: string, running: Measured[], options: FieldOptions): Promise<Field> {
  const authority = await createAuthority();
  const client = await authority.issue('client');
  for (const [name, text] of [
    ['client.pem', client.certificateChain],
    ['client.key', client.privateKey],
  ] as const)
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  const backend = await startBackend(directory, options.backend, authority);
  running.push(backend.process);
  await accepting(backend.plain);
  await accepting(backend.tls);
  const list: Proxy[] = [];
  for (const entrant of await entrants(directory, options, { backend, authority })) {
    const free = await freePorts(entrant.cases.length);
    const ports = Object.fromEntries(entrant.cases.map(({ name }, index) => [name, free[index] ?? 0]));
    const { command, args, env } = await entrant.prepare(ports);
    const from = performance.now();
    const process = start(command, args, { loud: options.loud, ...(env === undefined ? {} : { env }) });
    running.push(process);
    for (const port of free) await accepting(port, 60_000);
    list.push({ name: entrant.name, version: entrant.version, process, ports, startMs: performance.now() - from });
  }
  return { list, backend, authority, directory };
}

async function entrants(
  directory: string,
  { cases }: FieldOptions,
  { backend, authority }: { readonly backend: Backend; readonly authority: Authority },
): Promise<Entrant[]> {
  const resources = async (name: string, ports: Readonly<Record<string, number>>): Promise<Resources> => {
    const logPath = join(directory, `${name}.log`);
    const parts = await Promise.all(cases.map((each) => each.resources({ port: ports[each.name] ?? 0, backend, authority, logPath })));
    const clusters = new Map(parts.flatMap((part) => part.clusters).map((item) => [(item as { readonly name: string }).name, item]));
    return { listeners: parts.flatMap((part) => part.listeners), clusters: [...clusters.values()] };
  };
  const write = (name: string, content: object): string => {
    const path = join(directory, `${name}.json`);
    writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
    return path;
  };
  const program = await bundleProxy(join(directory, 'proxy'));
  const list: Entrant[] = [
    {
      name: OURS,
      version: `embedded proxy on Node ${process.version}`,
      cases,
      prepare: async (ports) => ({
        command: process.execPath,
        args: [...NODE_OPTIONS, program, write(OURS, await resources(OURS, ports))],
        env: NODE_ENV,
      }),
    },
  ];
  const envoy = findEnvoy();
  if (envoy === undefined) console.log('Envoy was not found (MELTEMI_ENVOY, PATH, Python package "envoy"): no ratio, only our own numbers');
  else {
    const [admin = 0] = await freePorts(1);
    list.push({
      name: ENVOY,
      version: envoyVersion(envoy),
      cases,
      prepare: async (ports) => ({
        command: envoy,
        args: [
          '-c',
          write(ENVOY, envoyBootstrap(await resources(ENVOY, ports), admin)),
          '--concurrency',
          '1',
          '-l',
          'error',
          '--disable-hot-restart',
        ],
      }),
    });
  }
  const bun = findBun();
  if (bun === undefined) console.log('Bun is not installed: the second transport is left out');
  else
    list.push({
      name: 'bun',
      version: `embedded proxy on Bun ${bunVersion(bun)} (its node:net and node:tls)`,
      cases,
      prepare: async (ports) => ({ command: bun, args: [program, write('bun', await resources('bun', ports))] }),
    });
  for (const rival of RIVALS) {
    const version = rival.version();
    const able = cases.filter((each) => each.rivals !== undefined && rival.can.includes(each.rivals));
    if (version === undefined || able.length === 0) continue;
    const prepare: Entrant['prepare'] = async (ports) => {
      const servers = able.map((each) => ({ kind: each.rivals ?? 'http', port: ports[each.name] ?? 0 }));
      return rival.command(directory, servers, backend.plain);
    };
    list.push({ name: rival.name, version, cases: able, prepare });
  }
  return list;
}
