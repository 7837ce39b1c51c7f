import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpMatchRequest } from '@meltemi/api';
import { DEFAULT_MESH_CONFIG } from '../index.ts';
import { httpRulesOf } from './delegates.ts';

type Source = Parameters<typeof httpRulesOf>[0];

function virtualService(name: string, hosts: readonly string[], http: Source['spec']['http']): Source {
  return {
    kind: 'VirtualService',
    apiVersion: 'networking.istio.io/v1',
    meta: { name, namespace: 'a', labels: {}, annotations: {} },
    spec: { hosts, gateways: ['mesh'], http },
    origin: { source: 'test' },
  } as Source;
}

function joined(outer: number, inner: number, rules = 1): readonly [rules: number, matches: number, faults: readonly string[]] {
  const match = (count: number): readonly HttpMatchRequest[] =>
    Array.from({ length: count }, (_, i) => ({ headers: { [`x-${i}`]: { exact: 'y' } } }));
  const delegate = virtualService(
    'd',
    [],
    Array.from({ length: rules }, () => ({ match: match(inner) })),
  );
  const root = virtualService('r', ['x'], [{ match: match(outer), delegate: { name: 'd' } }]);
  const result = httpRulesOf(root, new Map([['a/d', delegate]]), DEFAULT_MESH_CONFIG);
  const matches = result.rules.reduce((sum, { route }) => sum + (route.match?.length ?? 0), 0);
  return [result.rules.length, matches, result.dropped.map(({ fault }) => fault)];
}

test('matches of two objects are joined pair by pair, up to a number that no honest object reaches', () => {
  assert.deepEqual(joined(3, 2), [1, 6, []]);
  assert.deepEqual(joined(300, 300), [1, 90_000, []]);
  assert.deepEqual(joined(20_000, 20_000), [0, 0, ['too-many']]);
  assert.deepEqual(joined(40_000, 0, 3), [2, 80_000, ['too-many']]);
});
