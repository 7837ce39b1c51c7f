import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import type { DeltaRequest, DeltaResponse, Resource } from '@meltemi/xds';
import { createRelay } from './relay.ts';
import type { RelaySession } from './relay-session.ts';

const { cluster: CDS, endpoint: EDS, route: RDS, secret: SDS, nameTable: NDS } = TYPE_URL;
const resource = (name: string, version = '1'): Resource => ({ name, version, bytes: Uint8Array.of(1) });

function setup() {
  const refusals: string[] = [];
  const relay = createRelay({
    node: new Uint8Array(),
    isLocal: (typeUrl, name) => typeUrl === SDS && name === 'default',
    onWork: () => {},
    onRefusal: (_, message) => refusals.push(message),
  });
  relay.client.connected();
  let nonce = 0;
  return {
    relay,
    refusals,
    push: (typeUrl: string, resources: Resource[], removed: string[] = []) =>
      relay.receive({ typeUrl, nonce: `s${++nonce}`, systemVersion: '', resources, removed }),
    /** What went up since the last look, in short. */
    up: () =>
      relay.client
        .takeRequests()
        .map((r) =>
          [
            short(r.typeUrl),
            ...(r.nonce === '' ? [] : [r.error === undefined ? `ack ${r.nonce}` : `nack ${r.nonce} ${r.error.message}`]),
            ...(r.nonce === '' && r.subscribe.length + r.unsubscribe.length === 0 ? ['+*'] : []),
            ...r.subscribe.map((n) => `+${n}`),
            ...r.unsubscribe.map((n) => `-${n}`),
          ].join(' '),
        ),
  };
}

const short = (typeUrl: string): string => Object.entries(TYPE_URL).find(([, url]) => url === typeUrl)?.[0] ?? typeUrl;
const ask = (session: RelaySession, typeUrl: string, part: Partial<DeltaRequest>): void =>
  session.receive({ typeUrl, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', ...part });

function down(session: RelaySession): DeltaResponse[] {
  const out: DeltaResponse[] = [];
  for (let next = session.next(); next !== undefined; next = session.next()) out.push(next);
  return out;
}
const told = (responses: readonly DeltaResponse[]): string[] =>
  responses.map((r) => [short(r.typeUrl), ...r.resources.map((x) => `${x.name}@${x.version}`), ...r.removed.map((n) => `-${n}`)].join(' '));

test('subscriptions go up, resources come down in order, verdicts go up', () => {
  const { relay, push, up } = setup();
  const proxy = relay.openSession();
  ask(proxy, CDS, {});
  assert.deepEqual(up(), ['cluster +*']);
  assert.deepEqual(down(proxy), []);
  push(CDS, [resource('a'), resource('b')]);
  const [cds] = down(proxy);
  assert.deepEqual(told(cds === undefined ? [] : [cds]), ['cluster a@1 b@1']);
  push(CDS, [resource('a', '2')]); // held back: one response of a type at a time
  ask(proxy, EDS, { subscribe: ['a', 'b'] });
  assert.deepEqual([up(), down(proxy)], [['endpoint +a +b'], []]);
  push(EDS, [resource('a')]); // nothing is said of b: the control plane has not answered yet
  ask(proxy, CDS, { nonce: cds?.nonce ?? '' });
  const next = down(proxy);
  assert.deepEqual(told(next), ['cluster a@2', 'endpoint a@1']);
  assert.deepEqual(up(), ['cluster ack s1']);
  push(EDS, [], ['b']);
  ask(proxy, EDS, { nonce: next[1]?.nonce ?? '' });
  assert.deepEqual(told(down(proxy)), ['endpoint -b']);
  assert.deepEqual(up(), ['endpoint ack s3']);
  ask(proxy, EDS, { unsubscribe: ['b'] });
  assert.deepEqual(up(), ['endpoint -b']);
});

test('a refused resource gives way to the accepted one, and only the first verdict counts', () => {
  const { relay, push, up, refusals } = setup();
  const proxy = relay.openSession();
  ask(proxy, CDS, {});
  push(CDS, [resource('good'), resource('bad')]);
  ask(proxy, CDS, { nonce: down(proxy)[0]?.nonce ?? '' });
  up();
  push(CDS, [resource('good', '2'), resource('bad', '2')]);
  const nonce = down(proxy)[0]?.nonce ?? '';
  ask(proxy, CDS, { nonce, error: { code: 13, message: 'cluster bad: no such thing' } });
  ask(proxy, CDS, { nonce }); // Envoy's ACK after its NACK
  assert.deepEqual([up(), refusals], [['cluster nack s2 bad: cluster bad: no such thing'], ['cluster bad: no such thing']]);
  proxy.close();
  const restarted = relay.openSession();
  ask(restarted, CDS, {});
  assert.deepEqual(told(down(restarted)), ['cluster good@2 bad@1']);
});

test('a proxy that comes back is served at once without a control plane, empty types included', () => {
  const { relay, push } = setup();
  const first = relay.openSession();
  ask(first, CDS, {});
  ask(first, RDS, { subscribe: ['9080'] });
  ask(first, TYPE_URL.listener, {});
  push(CDS, [resource('a')]);
  push(RDS, [resource('9080')]);
  push(TYPE_URL.listener, []);
  assert.deepEqual(told(down(first)), ['cluster a@1', 'route 9080@1', 'listener']); // killed before it could judge any of it
  first.close();
  relay.client.disconnected();
  const second = relay.openSession();
  ask(second, CDS, { initialVersions: new Map([['gone', '1']]) });
  ask(second, TYPE_URL.listener, {});
  ask(second, RDS, { subscribe: ['9080', 'other'] });
  const responses = down(second);
  assert.deepEqual(told(responses), ['cluster a@1 -gone', 'listener', 'route 9080@1']);
  for (const response of responses) ask(second, response.typeUrl, { nonce: response.nonce });
  relay.client.connected();
  const [again] = relay.client.takeRequests().filter((r) => r.typeUrl === CDS);
  assert.deepEqual([...(again?.initialVersions ?? [])], [['a', '1']]);
});

test('own secrets are served here, own interests are accepted here, what nobody wants any more is given up', () => {
  const { relay, push, up } = setup();
  relay.subscribeOwn(NDS, ['*']);
  const proxy = relay.openSession();
  ask(proxy, SDS, { subscribe: ['default', 'kubernetes://cert'] });
  assert.deepEqual([up(), down(proxy)], [['nameTable +*', 'secret +kubernetes://cert'], []]);
  relay.setLocal(SDS, [resource('default')]);
  push(NDS, [resource('table')]);
  const [secret] = down(proxy);
  assert.deepEqual([told(secret === undefined ? [] : [secret]), up()], [['secret default@1'], ['nameTable ack s1']]);
  relay.setLocal(SDS, [resource('default', '2')]);
  ask(proxy, SDS, { nonce: secret?.nonce ?? '' });
  assert.deepEqual(told(down(proxy)), ['secret default@2']);
  assert.equal(relay.resource(NDS, 'table')?.version, '1');
  proxy.close();
  const successor = relay.openSession();
  ask(successor, CDS, {});
  up();
  relay.prune();
  assert.deepEqual(up(), ['secret -kubernetes://cert']);
});

test('an update that no proxy is told of does not hold up its type', () => {
  const { relay, push, up } = setup();
  const proxy = relay.openSession();
  ask(proxy, EDS, { subscribe: ['a'] });
  up();
  ask(proxy, EDS, { unsubscribe: ['a'] });
  assert.deepEqual(up(), ['endpoint -a']);
  push(EDS, [resource('a')]);
  assert.deepEqual([up(), down(proxy)], [['endpoint ack s1'], []]);
});

test('only whole names in a refusal count: the others of the same response are served to a proxy that starts again', () => {
  for (const [text, refused] of [
    ['outbound|9080||a: port 9080: bad', ['outbound|9080||a']],
    ['Error adding/updating cluster(s) outbound|9080||a: bad, b: 9080, or worse', ['b', 'outbound|9080||a']],
    ['duplicate cluster "b" found', ['b']],
    ['something about 9080', ['9080', 'b', 'outbound|9080||a']],
  ] as const) {
    const { relay, push } = setup();
    const proxy = relay.openSession();
    ask(proxy, CDS, {});
    push(CDS, [resource('9080'), resource('outbound|9080||a'), resource('b')]);
    ask(proxy, CDS, { nonce: down(proxy)[0]?.nonce ?? '', error: { code: 13, message: text } });
    proxy.close();
    const next = relay.openSession();
    ask(next, CDS, {});
    const served = new Set(down(next).flatMap((response) => response.resources.map(({ name }) => name)));
    assert.deepEqual(
      ['9080', 'b', 'outbound|9080||a'].filter((name) => !served.has(name)),
      refused,
      text,
    );
  }
});

test('a patch becomes the whole resource, of what was accepted or waits for a verdict; without that the resource is asked for anew', () => {
  const { relay, push, up } = setup();
  const proxy = relay.openSession();
  ask(proxy, RDS, { subscribe: ['80'] });
  push(RDS, [{ name: '80', version: '1', bytes: Uint8Array.of(1, 2, 3) }]);
  /** "What was in that version, with a 9 behind." */
  const patch = (version: string, base: string): Resource => ({
    name: '80',
    version,
    isPatch: true,
    bytes: Uint8Array.of(10, 1, base.charCodeAt(0), 18, 4, 8, 0, 16, 3, 18, 3, 26, 1, 9),
  });
  push(RDS, [patch('2', '1')]);
  const [first] = down(proxy);
  assert.deepEqual(first?.resources, [{ name: '80', version: '2', bytes: Uint8Array.of(1, 2, 3, 9) }]);
  ask(proxy, RDS, { nonce: first?.nonce ?? '', error: { code: 3, message: '80: no' } });
  assert.deepEqual(up(), ['route +80', 'route nack s1 80: no', 'route nack s2 80: no']);
  push(RDS, [patch('3', '2')]);
  assert.deepEqual([down(proxy), up()], [[], ['route +80', 'route ack s3']]);
});
