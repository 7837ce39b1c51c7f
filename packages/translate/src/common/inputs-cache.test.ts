import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_MESH_CONFIG, type DestinationRuleTable, type Service } from '@meltemi/model';
import { forScope } from '../routes/recorded-scope.ts';
import { ruleOf, type RouteScope } from '../routes/scope.ts';
import { createInputsCache } from './inputs-cache.ts';

test('the last of an owner is given again for equal inputs, and to whoever makes the next', () => {
  const cache = createInputsCache(10);
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
  const cache = createInputsCache(100);
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
    const cache = createInputsCache(10_000);
    const listOf = (first: number): readonly string[] => Array.from({ length: size }, (_, i) => `outbound|80||s${first + i}.shop.svc.cluster.local`);
    let made = 0;
    const get = (first: number): number => cache.get('table', { list: listOf(first) }, () => ++made);
    get(0);
    for (let i = 1; i <= others; i++) get(i);
    return get(0) > 1;
  };
  assert.deepEqual([remade(1, 500), remade(1_000, 500)], [false, true]);
});
