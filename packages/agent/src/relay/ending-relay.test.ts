import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timer } from '@meltemi/base';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import type { DeltaResponse, Resource } from '@meltemi/xds';
import { createRelay } from './relay.ts';

const RDS = TYPE_URL.route;
const TYPE = 'envoy.config.route.v3.RouteConfiguration';
const codec = loadCodec('sidecar');

/** A table with a fault that ends, if it does, and the route behind it. */
function table(version: string, until?: number): Resource {
  const metadata = { filter_metadata: { 'meltemi.io': { until } } };
  const fault = until === undefined ? [] : [{ name: `fault-${version}`, match: { prefix: '/' }, direct_response: { status: 503 }, metadata }];
  const routes = [...fault, { name: `plain-${version}`, match: { prefix: '/' }, route: { cluster: 'c' } }];
  return { name: '80', version, bytes: codec.encode(TYPE, { name: '80', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] }) };
}

function setup() {
  let now = 0;
  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const after = (delayMs: number, run: () => void): Timer => {
    const timer = { atMs: now + delayMs, run };
    timers.push(timer);
    return { cancel: () => void (timers = timers.filter((other) => other !== timer)) };
  };
  const relay = createRelay({
    node: new Uint8Array(),
    isLocal: () => false,
    onWork: () => {},
    time: { clock: { now: () => now }, timers: { after } },
  });
  relay.client.connected();
  const proxy = relay.openSession();
  const say = (part: object): void =>
    void proxy.receive({ typeUrl: RDS, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', ...part });
  let sent: DeltaResponse | undefined;
  return {
    push: (resource: Resource) => relay.receive({ typeUrl: RDS, nonce: 's', systemVersion: '', resources: [resource], removed: [] }),
    ask: () => say({ subscribe: ['80'] }),
    /** The proxy takes what it is sent, or refuses it. */
    judge(message?: string) {
      sent = proxy.next();
      if (sent !== undefined) say({ nonce: sent.nonce, ...(message === undefined ? {} : { error: { code: 3, message } }) });
    },
    /** What the agent would give a proxy that starts now. */
    inForce(): readonly string[] {
      const bytes = relay.resource(RDS, '80')?.bytes;
      if (bytes === undefined) return [];
      const { virtual_hosts } = codec.decode(TYPE, bytes) as { virtual_hosts: { routes: { name: string }[] }[] };
      return virtual_hosts.flatMap(({ routes }) => routes.map(({ name }) => name));
    },
    advance(ms: number) {
      now += ms;
      for (const timer of timers.filter(({ atMs }) => atMs <= now)) {
        timers = timers.filter((other) => other !== timer);
        timer.run();
      }
    },
  };
}

test('a table that lost a route while the proxy judged it counts as accepted with that verdict: a refusal of the next one falls back to it', () => {
  const { push, ask, judge, inForce, advance } = setup();
  ask();
  push(table('1', 1_000));
  advance(1_000);
  assert.deepEqual(inForce(), ['plain-1']);
  judge();
  push(table('2'));
  judge('80: no');
  assert.deepEqual(inForce(), ['plain-1']);
});

test('a fault that comes back into force by a refusal still ends', () => {
  const { push, ask, judge, inForce, advance } = setup();
  ask();
  push(table('1', 1_000));
  judge();
  push(table('2'));
  judge('80: no');
  assert.deepEqual(inForce(), ['fault-1', 'plain-1']);
  advance(1_000);
  assert.deepEqual(inForce(), ['plain-1']);
});
