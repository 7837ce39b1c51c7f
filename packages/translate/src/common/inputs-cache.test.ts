import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_MESH_CONFIG, type DestinationRuleTable, type Service } from '@meltemi/model';
import { forScope } from '../routes/recorded-scope.ts';
import { ruleOf, type RouteScope } from '../routes/scope.ts';
import { createInputsCache } from './inputs-cache.ts';

test('the last of an owner is given again for equal inputs, and to whoever makes the next', () => {
  const cache = createInputsCache(10_000);
  const owner = {};
  const made: (readonly string[] | undefined)[] = [];
  const get = (list: readonly string[], of: object = owner) =>
    cache.latest('list', of, { list }, (inputs, before: { readonly made: readonly string[] } | undefined) => {
      made.push(before?.made);
      return inputs.list;
    });
  const first = get(['a']);
  assert.equal(get(['a']), first);
  const second = get(['a', 'b']);
  assert.notEqual(get(['a'], {}), first);
  assert.deepEqual([get(['a']), made], [['a'], [undefined, first, undefined, second]]);
});

test('what asks a scope for little is made once for all scopes that answer the same', () => {
  const cache = createInputsCache(100_000);
  const table: DestinationRuleTable = { byNamespace: new Map(), backends: new Map() };
  const service = { hostname: 'x.a.svc.cluster.local', namespace: 'a' } as Service;
  const scope = (namespace: string, services: RouteScope['services'] = new Map([[service.hostname, service]])): RouteScope => ({
    push: { mesh: DEFAULT_MESH_CONFIG, destinationRules: { ...table } },
    services,
    namespace,
    labels: {},
    gateways: ['mesh'],
    port: 80,
  });
  let made = 0;
  const owner = {};
  const of = (from: RouteScope, build: (known: RouteScope) => unknown): unknown =>
    forScope(cache, 'x', { inputs: { owner, build }, scope: from }, (known) => [build(known), made++]);
  const asksForService = (known: RouteScope): unknown => [known.services.get(service.hostname), ruleOf(service, known)];
  const first = of(scope('a'), asksForService);
  assert.equal(of(scope('b'), asksForService), first, 'another namespace and other tables, the same answers');
  assert.notEqual(of(scope('b', new Map()), asksForService), first, 'the service is not there');
  const asksForNamespace = (known: RouteScope): unknown => known.namespace;
  const inA = of(scope('a'), asksForNamespace);
  assert.notEqual(of(scope('b'), asksForNamespace), inA);
  assert.equal(of(scope('a'), asksForNamespace), inA);
  assert.equal(made, 4);
});

test('large tables that nobody asks for any more are forgotten sooner than small parts are', () => {
  const remade = (size: number, others: number): boolean => {
    const cache = createInputsCache(1_000_000);
    const listOf = (first: number): readonly string[] => Array.from({ length: size }, (_, i) => `outbound|80||s${first + i}.shop.svc.cluster.local`);
    let made = 0;
    const get = (first: number): number => cache.get('table', { list: listOf(first) }, () => ++made);
    get(0);
    for (let i = 1; i <= others; i++) get(i);
    return get(0) > 1;
  };
  assert.deepEqual([remade(1, 500), remade(1_000, 500)], [false, true]);
});

test('what is remembered is bounded by its size, whatever it is made of', () => {
  const isForgotten = (others: number, make: (i: number) => unknown): boolean => {
    const cache = createInputsCache(1_000_000);
    let made = 0;
    const get = (i: number): unknown => cache.get('x', { i }, () => (made++, make(i)));
    for (let i = 0; i < others; i++) get(i);
    get(0);
    return made > others;
  };
  const text = (i: number): unknown => ({ name: String(i).padEnd(100_000, 'x') });
  const list = (i: number): unknown => Array.from({ length: 1_000 }, () => ({ name: 'x'.repeat(50), i }));
  const table = (i: number): unknown => new Map([['a', list(i)]]);
  for (const make of [text, list, table]) assert.deepEqual([isForgotten(4, make), isForgotten(25, make)], [false, true]);
  assert.ok(!isForgotten(1_000, (i) => ({ i })));
});
