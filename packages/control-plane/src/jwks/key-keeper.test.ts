import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml, type Config } from '@meltemi/api';
import { silentLog, type Timers } from '@meltemi/base';
import { createEndpointIndex, DEFAULT_MESH_CONFIG, parseProxyNode, type KeySource, type ProxyNode } from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
import { createMemoryStore, createMesh, type SavedValue } from '@meltemi/registry';
import { changedForOwn, changedTypes, createTranslator } from '@meltemi/translate';
import type { FetchedKeys } from './fetch-keys.ts';
import { createKeyKeeper } from './key-keeper.ts';

const MINUTE_MS = 60_000;

function policy(name: string, rules: string, namespace = 'a'): Config {
  const { configs, problems } = decodeYaml(
    `apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: { jwtRules: [${rules}] }\n`,
  );
  assert.deepEqual(problems, []);
  return configs[0] as Config;
}

/** Time that moves only when told; what is due runs in order. */
function manualTimers(): Timers & { advance(ms: number): void; readonly waits: readonly number[] } {
  let now = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  return {
    get waits() {
      return timers.map(({ at }) => at - now);
    },
    after(delayMs, run) {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return { cancel: () => void (timers = timers.filter((other) => other !== timer)) };
    },
    advance(ms) {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { run } of due) run();
    },
  };
}

/** Turns of the event loop, for promises that are settled. */
const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

function memory(
  start: readonly (readonly [string, string])[] = [],
): SavedValue<readonly (readonly [string, string])[]> & { value: readonly (readonly [string, string])[] } {
  const saved = {
    value: start,
    load: () => Promise.resolve(saved.value),
    save: (next: typeof start) => void (saved.value = next),
    flush: () => Promise.resolve(),
  };
  return saved;
}

/** A keeper whose sources are asked by hand. */
async function bench(start: readonly Config[] = [], saved = memory()) {
  const store = createMemoryStore({ clock: { now: () => 0, monotonic: () => 0 } });
  for (const config of start) await store.put(config);
  const timers = manualTimers();
  const asked: {
    readonly source: KeySource;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly answer: (keys: FetchedKeys) => void;
  }[] = [];
  const keeper = await createKeyKeeper({
    store,
    fetch: (source, timeoutMs, signal) => new Promise((answer) => void asked.push({ source, timeoutMs, signal, answer })),
    timers,
    random: { next: () => 0.5 },
    log: silentLog,
    saved,
  });
  const answer = async (keys: FetchedKeys, index = 0): Promise<void> => {
    asked.splice(index, 1)[0]?.answer(keys);
    await settled();
  };
  return { store, timers, asked, keeper, saved, answer, urls: () => asked.map(({ source }) => source.url) };
}

const good = (jwks: string): FetchedKeys => ({ t: 'keys', jwks });
const bad = (message: string): FetchedKeys => ({ t: 'fault', message });
const A = 'keys https://a/keys';

test('keys are fetched when a rule first names them, and again every 20 minutes', async () => {
  const { store, timers, asked, keeper, urls, answer, saved } = await bench();
  let told = 0;
  keeper.watch(() => told++);
  await store.put(policy('x', "{ issuer: a, jwksUri: 'https://a/keys' }, { issuer: 'https://b/' }"));
  assert.deepEqual(urls(), ['https://a/keys', 'https://b/.well-known/openid-configuration']);
  assert.deepEqual(
    asked.map(({ timeoutMs }) => timeoutMs),
    [5_000, 5_000],
  );
  assert.deepEqual(
    [...keeper.sets().values()],
    [
      { jwks: undefined, fault: undefined },
      { jwks: undefined, fault: undefined },
    ],
  );
  await answer(good('one'));
  assert.equal(keeper.sets().get(A)?.jwks, 'one');
  assert.deepEqual(saved.value, [[A, 'one']]);
  const before = keeper.sets();
  timers.advance(20 * MINUTE_MS - 1);
  assert.equal(asked.length, 1);
  timers.advance(1);
  assert.deepEqual(urls(), ['https://b/.well-known/openid-configuration', 'https://a/keys']);
  const toldBefore = told;
  await answer(good('one'), 1);
  assert.equal(keeper.sets(), before);
  assert.equal(told, toldBefore);
  timers.advance(20 * MINUTE_MS);
  await answer(good('two'), 1);
  assert.equal(keeper.sets().get(A)?.jwks, 'two');
  await keeper.close();
});

test('the last good keys stay; it is tried again later and later, and why is known', async () => {
  const { timers, asked, keeper, answer } = await bench([policy('x', "{ issuer: a, jwksUri: 'https://a/keys' }")]);
  await answer(good('one'));
  timers.advance(20 * MINUTE_MS);
  const waits: number[] = [];
  for (let failures = 1; failures <= 11; failures++) {
    await answer(bad('away'));
    assert.deepEqual(keeper.sets().get(A), { jwks: 'one', fault: 'away' });
    assert.equal(asked.length, 0);
    waits.push(...timers.waits);
    timers.advance(timers.waits[0] ?? 0);
  }
  assert.deepEqual(
    waits,
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1_000),
  );
  await answer(good('two'));
  assert.deepEqual(keeper.sets().get(A), { jwks: 'two', fault: undefined });
  assert.deepEqual(timers.waits, [20 * MINUTE_MS]);
  await keeper.close();
});

test('rules of one source share its keys, and the most patient says how long to wait; a source that nobody names is forgotten', async () => {
  const { store, timers, asked, keeper, answer, saved } = await bench([
    policy('x', "{ issuer: a, jwksUri: 'https://a/keys', timeout: 9s }"),
    policy('y', "{ issuer: a, jwksUri: 'https://a/keys', timeout: 2s }"),
  ]);
  assert.deepEqual(
    asked.map(({ timeoutMs }) => timeoutMs),
    [9_000],
  );
  await answer(good('one'));
  await store.delete({ kind: 'RequestAuthentication', namespace: 'a', name: 'x' });
  assert.equal(keeper.sets().get(A)?.jwks, 'one');
  timers.advance(20 * MINUTE_MS);
  assert.deepEqual(
    asked.map(({ timeoutMs }) => timeoutMs),
    [2_000],
  );
  await store.delete({ kind: 'RequestAuthentication', namespace: 'a', name: 'y' });
  assert.equal(keeper.sets().size, 0);
  assert.deepEqual(saved.value, []);
  assert.equal(asked[0]?.signal.aborted, true);
  await answer(good('late'));
  assert.equal(keeper.sets().size, 0);
  assert.deepEqual(timers.waits, []);
  await keeper.close();
});

test('a restarted control plane begins with the keys that it had', async () => {
  const { keeper, answer } = await bench(
    [policy('x', "{ issuer: a, jwksUri: 'https://a/keys' }")],
    memory([
      [A, 'one'],
      ['keys https://gone', 'x'],
    ]),
  );
  assert.deepEqual([...keeper.sets()], [[A, { jwks: 'one', fault: undefined }]]);
  await answer(bad('away'));
  assert.deepEqual(keeper.sets().get(A), { jwks: 'one', fault: 'away' });
  await keeper.close();
});

test('no rule keeps others waiting for more than a minute', async () => {
  // Longer than timers of the platform count, which would end at once.
  const { asked, keeper } = await bench([policy('x', "{ issuer: a, jwksUri: 'https://a/keys', timeout: 1000h }")]);
  assert.deepEqual(
    asked.map(({ timeoutMs }) => timeoutMs),
    [MINUTE_MS],
  );
  await keeper.close();
});

test('many sources are asked a few at a time', async () => {
  const rules = Array.from({ length: 20 }, (_, index) => `{ issuer: a, jwksUri: 'https://a/${index}' }`).join(', ');
  const { asked, keeper, answer } = await bench([policy('x', rules)]);
  assert.equal(asked.length, 8);
  await answer(good('one'));
  assert.equal(asked.length, 8);
  for (let index = 0; index < 19; index++) await answer(bad('away'));
  assert.equal(asked.length, 0);
  assert.equal(keeper.sets().size, 20);
  await keeper.close();
});

function node(namespace: string, address: string): ProxyNode {
  const parsed = parseProxyNode({
    id: `sidecar~${address}~w.${namespace}~${namespace}.svc.cluster.local`,
    metadata: {
      NAMESPACE: namespace,
      SERVICE_ACCOUNT: 'x',
      WORKLOAD_NAME: 'w',
      INTERCEPTION_MODE: 'REDIRECT',
      MELTEMI_PORTS: [{ number: 80, protocol: 'http' }],
    },
  });
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return parsed.node;
}

test('new keys reach the proxies whose rules they are of, and no others', async () => {
  const { store, timers, keeper, answer } = await bench([policy('x', "{ issuer: a, jwksUri: 'https://a/keys' }")]);
  const mesh = await createMesh({ configs: store, keys: keeper, mesh: DEFAULT_MESH_CONFIG, timers, log: silentLog });
  const translator = createTranslator();
  const listeners = (of: ProxyNode) => translator.generate(of, TYPE_URL.listener, '*', { ...mesh.state, endpoints: createEndpointIndex() });
  const [concerned, other] = [node('a', '10.0.0.1'), node('b', '10.0.0.2')];
  const before = [listeners(concerned), listeners(other)] as const;
  let types: readonly (readonly string[])[] = [];
  mesh.watch(({ changes, state: { push } }) => {
    const own = changedForOwn(changes, push);
    types = [changedTypes(changes, push), own(() => concerned), own(() => other)].map((changed) => [...changed.keys()]);
  });
  await answer(good('{"keys":["these"]}'));
  mesh.settle();
  assert.deepEqual(types, [[], [TYPE_URL.listener], []]);
  assert.notEqual(listeners(concerned), before[0]);
  assert.ok(JSON.stringify([...listeners(concerned).values()]).includes('these'));
  assert.equal(listeners(other), before[1]);
  await mesh.close();
  await keeper.close();
});
