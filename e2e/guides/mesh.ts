import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCli, startDemo, type CliResult, type Demo } from '../testkit/demo.ts';
import { eventually, get, startLoad, type Reply, type RunningLoad } from '../testkit/load.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a guide is tried on: Bookinfo with its gateway, and the chain customer → preference → recommendation, all on one data plane. */
export interface GuideMesh extends AsyncDisposable {
  readonly demo: Demo;
  readonly dataPlane: 'embedded' | 'envoy';
  /** Applies `samples/guides/<file>` as the guide says, and waits until every proxy has it. From before it until after it pages and chain are asked for: no request fails. */
  apply(...files: readonly string[]): Promise<void>;
  /** The same with a text. */
  applyText(text: string): Promise<void>;
  /** Takes the objects of these files away; the mesh is as at its start. */
  restore(files: readonly string[]): Promise<void>;
  /** One request to the chain. */
  ask(headers?: Readonly<Record<string, string>>, path?: string): Promise<Reply>;
  /** Many requests to the chain: how often each answer came, as `200 v1` or `503`. */
  shares(count: number, headers?: Readonly<Record<string, string>>, workers?: number): Promise<ReadonlyMap<string, number>>;
  /** Load on the chain until `stop`. */
  load(headers?: Readonly<Record<string, string>>): RunningLoad;
  /** A counter of endpoints at the proxy of a link of the chain (`rq_total`, `cx_total`), summed over those of clusters whose names hold `cluster`. */
  counter(link: string, cluster: string, name: string): Promise<number>;
  /** Requests that a version of a link has got since its start, by their header `x-run`: what the server itself has counted, this question with it. */
  runs(link: string, version: string): Promise<Readonly<Record<string, number>>>;
  /** Starts one more workload, for as long as the guide takes. */
  run(options: RunOptions): Promise<RunningWorkload>;
}

/** A workload that was started for a guide. */
export interface RunningWorkload extends AsyncDisposable {
  /** Mesh-facing address. */
  readonly address: string;
}

export interface RunOptions {
  readonly args: readonly string[];
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const CHAIN_HOST = { host: 'chain.example' };
const NODE = process.execPath;
const SERVER = join('samples', 'chain', 'server.mjs');

/** `200 v2` of an answer of the chain. */
export function verdictOf({ status, body }: Reply): string {
  const version = /recommendation (v\d)/.exec(body)?.[1];
  return status === 200 && version !== undefined ? `200 ${version}` : String(status);
}

/** Starts everything, if not told otherwise in ports mode: it runs wherever Node does. */
export async function startGuideMesh(dataPlane: 'embedded' | 'envoy', interception: 'ports' | 'netns' = 'ports'): Promise<GuideMesh> {
  const flags = ['--data-plane', dataPlane, '--interception', interception];
  const demo = await startDemo([...flags, '--load', '0']);
  const own: RunningWorkload[] = [];
  const run = (options: RunOptions): Promise<RunningWorkload> => runWorkload(demo, flags, options);
  try {
    await succeed(demo.cli('apply', '-f', 'samples/chain/mesh.yaml'));
    own.push(...(await Promise.all(CHAIN.map((link) => run(linkOptions(link))))));
    await eventually('the chain answers', 20_000, async () => ((await get(demo.urls.gateway, CHAIN_HOST)).status === 200 ? true : undefined));
  } catch (error) {
    await demo.stop();
    throw error;
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const ask = (headers: Readonly<Record<string, string>> = {}, path = '/'): Promise<Reply> =>
    get(`${demo.urls.gateway}${path}`, { ...CHAIN_HOST, ...headers }, agent);
  return {
    demo,
    dataPlane,
    ask,
    run,
    apply: (...files) => underLoad(demo, async () => void (await succeed(demo.cli('apply', '--wait', ...named(files))))),
    counter: (link, cluster, name) => counterOf(own[CHAIN.findIndex(({ app }) => app === link)], cluster, name),
    runs: (link, version) => runsOf(own[CHAIN.findIndex((one) => one.app === link && one.version === version)]),
    applyText: async (text) => void (await succeed(runCli(['apply', '--wait', '-f', '-'], { MELTEMI_STATE: demo.stateDir }, text))),
    async restore(files) {
      const { stdout } = await succeed(demo.cli('delete', '--ignore-not-found', ...named(files)));
      // The next guide waits for its own objects, and with them for this.
      if (BASE.test(stdout)) await succeed(demo.cli('apply', '--wait', '-f', 'samples/chain/mesh.yaml', '-f', 'samples/bookinfo/gateway.yaml'));
    },
    async shares(count, headers = {}, workers = 8) {
      const verdicts = new Map<string, number>();
      let left = count;
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          const verdict = verdictOf(await ask(headers));
          verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: workers }, worker));
      return verdicts;
    },
    load: (headers = {}) => startLoad(demo.urls.gateway, 3, { ...CHAIN_HOST, ...headers }, 20),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      for (const workload of own) await workload[Symbol.asyncDispose]();
      await demo[Symbol.asyncDispose]();
    },
  };
}

/** Requests of each kind that are answered before a change, and after it. */
const [ASKED_BEFORE, ASKED_AFTER] = [8, 24];

/** Makes a change while pages and the chain are asked for. Rejects when one of these requests fails. */
async function underLoad(demo: Demo, change: () => Promise<void>): Promise<void> {
  await using page = startLoad(`${demo.urls.gateway}/productpage`, 1, {}, 20);
  await using chain = startLoad(demo.urls.gateway, 2, CHAIN_HOST, 10);
  const loads = [page, chain];
  const more = async (count: number): Promise<void> => {
    const wanted = loads.map((load) => load.count() + count);
    await eventually(`${count} more requests`, 20_000, async () =>
      loads.every((load, index) => load.count() >= (wanted[index] ?? 0)) ? true : undefined,
    );
  };
  await more(ASKED_BEFORE);
  await change();
  await more(ASKED_AFTER);
  for (const load of loads) assert.deepEqual((await load.stop()).failures, [], 'requests that failed while configuration changed');
}

async function counterOf(workload: RunningWorkload | undefined, cluster: string, name: string): Promise<number> {
  const { status, body } = await get(`http://${workload?.address}:15000/clusters`);
  assert.equal(status, 200, body);
  const found = body.split('\n').filter((line) => line.includes(cluster) && new RegExp(`::${name}::\\d+$`).test(line));
  assert.notEqual(found.length, 0, `no ${name} of ${cluster} in\n${body}`);
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(':') + 1)), 0);
}

async function runsOf(workload: RunningWorkload | undefined): Promise<Readonly<Record<string, number>>> {
  const { status, body } = await get(`http://${workload?.address}:8080/runs`);
  assert.equal(status, 200, body);
  return JSON.parse(body) as Readonly<Record<string, number>>;
}

/** What guides write anew that is there from the start. */
const BASE = /^(?:destinationrule\S*\/recommendation|virtualservice\S*\/(?:customer|bookinfo)|gateway\S*\/bookinfo-gateway) /m;

const CHAIN = [
  { app: 'recommendation', version: 'v1', next: '' },
  { app: 'recommendation', version: 'v2', next: '' },
  { app: 'preference', version: 'v1', next: 'recommendation' },
  { app: 'customer', version: 'v1', next: 'preference' },
];

function linkOptions({ app, version, next }: (typeof CHAIN)[number]): RunOptions {
  return {
    args: ['--app', app, '--version', version, '--port', '8080', '-n', 'chain'],
    command: [NODE, SERVER],
    env: { NAME: app, VERSION: version, NEXT: next },
  };
}

function named(files: readonly string[]): readonly string[] {
  return files.flatMap((file) => ['-f', join('samples', 'guides', file)]);
}

async function succeed(result: Promise<CliResult>): Promise<CliResult> {
  const done = await result;
  if (done.code !== 0) throw new Error(`${done.stdout}\n${done.stderr}`);
  return done;
}

async function runWorkload(demo: Demo, flags: readonly string[], { args, command, env = {} }: RunOptions): Promise<RunningWorkload> {
  const child = spawn(NODE, ['apps/meltemi/src/main.ts', 'run', ...args, ...flags, '--', ...command], {
    cwd: ROOT,
    env: { ...process.env, ...env, MELTEMI_STATE: demo.stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const address = await addressOf(child, args);
  return {
    address,
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      await exited;
    },
  };
}

/** Where it is, once it is in the mesh. */
async function addressOf(child: ChildProcess, args: readonly string[]): Promise<string> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  return eventually(`${args.join(' ')} is in the mesh`, 30_000, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    return / is in the mesh at (\S+)/.exec(said)?.[1];
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`${String(error)}\n${said}`);
  });
}

/** Files under `samples/guides`. */
export function sampleFiles(): readonly string[] {
  return globSync('**/*.yaml', { cwd: join(ROOT, 'samples', 'guides') }).sort();
}

/** The address that the ingress gateway listens on, whatever the port. */
export function gatewayAddress({ demo }: GuideMesh): string {
  return new URL(demo.urls.gateway).hostname;
}

/** Whether a program is on PATH. */
export function findProgram(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, name)));
}

/** Which version of productpage made a page. */
export function pageVersion({ body }: Reply): string {
  return /productpage[- ](v\d)/.exec(body)?.[1] ?? 'none';
}
