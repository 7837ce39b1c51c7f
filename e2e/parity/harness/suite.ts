import { networkInterfaces } from 'node:os';
import { loadCodec } from '@meltemi/protos';
import { findEnvoy } from '../../interop/envoy-process.ts';
import { eventually } from '../../testkit/load.ts';
import { startBackends, type Backends } from '../backend/index.ts';
import type { BackendScript } from '../backend/script.ts';
import type { ParityCase } from '../define.ts';
import { INTENDED_DIFFERENCES, type IntendedDifference } from '../intended-differences.ts';
import { http1, type Resources } from '../resources.ts';
import { endOfSteps, type CaseRun } from './case-run.ts';
import { createContext, type OwnedContext } from './context.ts';
import { createIdentities } from './identities.ts';
import { judge, type Observations } from './judge.ts';
import { normalise, type Observation, type StepObservation } from './observation.ts';
import { startEmbedded, startEnvoy, type Proxy, type ProxyName } from './proxies.ts';
import type { PushResult } from './xds-server.ts';
import { runStep } from './run-step.ts';

/** The proxies under test, and how cases run on them. */
export interface Suite extends AsyncDisposable {
  readonly proxies: readonly ProxyName[];
  /** Runs the cases of one topic, several at a time; results in the order of the cases. */
  run(topic: string, cases: readonly ParityCase[]): Promise<readonly CaseResult[]>;
}

export interface CaseResult {
  readonly name: string;
  /** What is wrong; none = passed. */
  readonly problems: readonly string[];
  readonly observations: Observations;
  /** The slower proxy's. */
  readonly ms: number;
  /** Entries that explained a difference. */
  readonly used: readonly IntendedDifference[];
}

const CONCURRENCY = 8;
const LISTEN_LIMIT_MS = 8_000;
const LOG_LIMIT_MS = 1_500;
const NOT_ANSWERED = 'has not answered a push';
const LOG_TAIL = 2_000;
const DEFAULT_BACKENDS: Readonly<Record<string, BackendScript>> = { main: [{ body: 'main' }] };

/** Starts our proxy, and Envoy where there is one. */
export async function startSuite(): Promise<Suite> {
  const identities = await createIdentities();
  const codec = loadCodec('all');
  const binary = findEnvoy();
  const proxies = await allOrNone([startEmbedded(codec, identities), ...(binary === undefined ? [] : [startEnvoy(binary, codec, identities)])]);
  let cases = 0;
  return {
    proxies: proxies.map(({ name }) => name),
    async run(topic, list) {
      const ids = list.map(() => `c${String(++cases).padStart(4, '0')}`);
      const runs = await Promise.all(proxies.map((proxy) => runTopic(proxy, list, ids)));
      return list.map((parityCase, index) => {
        const observations = Object.fromEntries(proxies.map(({ name }, at) => [name, runs[at]?.[index]])) as Observations;
        const name = `${topic}/${parityCase.name}`;
        const intended = INTENDED_DIFFERENCES.filter((entry) => entry.case === name || entry.case === `${topic}/*` || entry.case === '*');
        const ms = Math.max(...runs.map((run) => run[index]?.ms ?? 0));
        return { name: parityCase.name, observations, ms, ...judge(parityCase, observations, intended) };
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    },
  };
}

/** When one does not start, the others end. */
async function allOrNone(starting: readonly Promise<Proxy>[]): Promise<readonly Proxy[]> {
  try {
    return await Promise.all(starting);
  } catch (error) {
    for (const started of await Promise.allSettled(starting)) if (started.status === 'fulfilled') await started.value[Symbol.asyncDispose]();
    throw error;
  }
}

/** All cases of a topic on one proxy: one push, then the cases, then everything is taken away. */
async function runTopic(proxy: Proxy, list: readonly ParityCase[], ids: readonly string[]): Promise<readonly Observation[]> {
  const runs = await Promise.all(list.map((parityCase, index) => prepare(proxy, parityCase, ids[index] ?? '')));
  try {
    const refusals = await attempt(proxy, () => proxy.xds.push(merged(runs.flatMap((run) => run.pushed))));
    await listening(proxy, runs).catch(() => undefined);
    const observations: Observation[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let at = next++; at < list.length; at = next++) {
        const [run, parityCase] = [runs[at], list[at]];
        if (run !== undefined && parityCase !== undefined) observations[at] = await observe(run, parityCase, refusals);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    return observations;
  } finally {
    await attempt(proxy, () => proxy.xds.push(merged(runs.flatMap((run) => run.pushed)), true));
    await Promise.all(runs.map((run) => run.backends[Symbol.asyncDispose]()));
  }
}

/** A push that the client does not answer fails the cases of its topic, and tells why; the other topics go on. */
async function attempt(proxy: Proxy, push: () => Promise<PushResult>): Promise<PushResult> {
  try {
    return await push();
  } catch (error) {
    const state = proxy.alive ? 'it runs' : 'it has ended';
    return [`${error instanceof Error ? error.message : String(error)} (${proxy.name}: ${state})\n${proxy.log().slice(-LOG_TAIL)}`];
  }
}

async function prepare(proxy: Proxy, parityCase: ParityCase, id: string): Promise<CaseRun> {
  const backends = await startBackends(parityCase.backends ?? DEFAULT_BACKENDS, proxy.place.identities);
  const context = createContext(id, proxy.place, backends.addresses);
  const run: CaseRun = {
    proxy,
    context,
    backends,
    connections: new Map(),
    http2Connections: new Map(),
    pushed: [(parityCase.resources ?? ((c) => http1(c)))(context)],
    notes: [],
    answers: 0,
    normalise: (value) => normalise(value, { replacements: replacementsOf(context, backends) }),
    listening: () => listening(proxy, [run]),
  };
  return run;
}

/** Waits until every listener takes connections; Envoy binds when what a listener points at is there. */
async function listening(proxy: Proxy, runs: readonly CaseRun[]): Promise<void> {
  const wanted = runs.flatMap((run) =>
    run.pushed.flatMap(({ listeners = [] }) => listeners.filter(bindsPort).map((item) => (item as { name: string }).name)),
  );
  await eventually(`${proxy.name} listens`, LISTEN_LIMIT_MS, async () => {
    const there = await proxy.listeners();
    return wanted.every((name) => there.has(name)) ? true : undefined;
  });
}

function bindsPort(listener: object): boolean {
  return !('bind_to_port' in listener && listener.bind_to_port === false) && !('internal_listener' in listener);
}

function replacementsOf(context: OwnedContext, backends: Backends): readonly (readonly [string, string])[] {
  return [
    ...[...backends.addresses].map(([name, { host, port }]) => [`${host}:${port}`, `<backend ${name}>`] as const),
    ...[...context.ports].map(([name, port]) => [`${context.address}:${port}`, `<listener ${name}>`] as const),
    [context.address, '<proxy>'],
    // Envoy takes a client on loopback for one on its own machine's address.
    ...ownAddresses().map((address) => [address, '127.0.0.1'] as const),
    [`${context.id}-`, '<id>-'],
  ];
}

/** How many lines of the log to wait for. */
function dueLines({ answers }: CaseRun, { log }: ParityCase): number {
  if (log === undefined) return answers;
  return log === 'not compared' ? 0 : log.length;
}

function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.filter(({ internal, family }) => !internal && family === 'IPv4').map(({ address }) => address);
}

async function observe(run: CaseRun, parityCase: ParityCase, refusals: readonly string[]): Promise<Observation> {
  const { context, notes, proxy } = run;
  const started = performance.now();
  const own = refusals.flatMap((text) => (text.includes(NOT_ANSWERED) ? [text] : text.split('\n').filter((line) => line.includes(context.id))));
  notes.push(...own);
  const steps: StepObservation[] = [];
  for (const step of parityCase.steps) steps.push(await runStep(run, step));
  for (const { socket } of run.connections.values()) socket.destroy();
  endOfSteps(run);
  const lines = await proxy.accessLog.lines(context.id, dueLines(run, parityCase), LOG_LIMIT_MS);
  if (!proxy.alive) notes.push(`${proxy.name} has ended: ${proxy.log()}`);
  return run.normalise({ steps, log: lines, notes, ms: performance.now() - started });
}

function merged(list: readonly Resources[]): Resources {
  const all = (field: keyof Resources): readonly object[] => list.flatMap((resources) => resources[field] ?? []);
  return { clusters: all('clusters'), endpoints: all('endpoints'), secrets: all('secrets'), listeners: all('listeners'), routes: all('routes') };
}
