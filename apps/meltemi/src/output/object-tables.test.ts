import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { kindByAnyName } from '@meltemi/api';
import type { KubeObject } from '../client/objects.ts';
import { objectTables, type Found } from './object-tables.ts';
import { age, structured, table } from './output.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');

function found(kindName: string, name: string, spec: KubeObject, origin?: string): Found {
  const kind = kindByAnyName(kindName);
  assert.ok(kind !== undefined);
  const annotations: { readonly annotations?: KubeObject } = origin === undefined ? {} : { annotations: { 'meltemi.io/origin': origin } };
  return { kind, object: { metadata: { name, namespace: 'shop', creationTimestamp: '2026-01-01T23:00:00Z', ...annotations }, spec } };
}

const OBJECTS: readonly Found[] = [
  found('vs', 'cart', { hosts: ['cart', 'shop.example'], gateways: ['mesh'] }, `${join(process.cwd(), 'mesh', 'cart.yaml')}:12`),
  found('vs', 'b', { hosts: ['b'] }, 'apply b.yaml:1'),
  found('dr', 'cart', { host: 'cart' }),
  found('se', 'ext', { hosts: ['ext.example'], location: 'MESH_EXTERNAL', resolution: 'DNS' }),
  found('pa', 'default', { mtls: { mode: 'STRICT' } }),
  found('ra', 'login', { jwtRules: [{ issuer: 'https://login.example' }, { jwksUri: 'https://keys.example' }] }),
  found('svc', 'cart', { ports: [{ port: 80, name: 'http' }, { port: 90 }] }),
  found('ns', 'shop', {}),
];

test('objects as kubectl prints them, with their origin', () => {
  const shown = objectTables(OBJECTS, { withNamespace: true, wide: true, withKind: true, nowMs: NOW });
  assert.equal(
    shown,
    `NAMESPACE   NAME                  GATEWAYS   HOSTS                     AGE   ORIGIN
shop        virtualservice/cart   ["mesh"]   ["cart","shop.example"]   60m   mesh/cart.yaml:12
shop        virtualservice/b                 ["b"]                     60m   apply b.yaml:1

NAMESPACE   NAME                   HOST   AGE   ORIGIN
shop        destinationrule/cart   cart   60m   -

NAMESPACE   NAME               HOSTS             LOCATION        RESOLUTION   AGE   ORIGIN
shop        serviceentry/ext   ["ext.example"]   MESH_EXTERNAL   DNS          60m   -

NAMESPACE   NAME                         MODE     AGE   ORIGIN
shop        peerauthentication/default   STRICT   60m   -

NAMESPACE   NAME                          ISSUERS                         AGE   ORIGIN
shop        requestauthentication/login   ["https://login.example","*"]   60m   -

NAMESPACE   NAME           PORT(S)           AGE   ORIGIN
shop        service/cart   80/http,90/TCP   60m   -

NAME             AGE   ORIGIN
namespace/shop   60m   -`.replace('PORT(S)           AGE', 'PORT(S)          AGE'),
  );
  assert.equal(
    objectTables(OBJECTS.slice(2, 3), { withNamespace: false, wide: false, withKind: false, nowMs: NOW }),
    'NAME   HOST   AGE\ncart   cart   60m',
  );
});

test('ages, tables and structured values', () => {
  const ages = [0, 119, 120, 192, 599, 3_600, 10_799, 10_800, 172_800].map((seconds) => age(NOW - seconds * 1000, NOW));
  assert.deepEqual(ages, ['0s', '119s', '2m', '3m12s', '9m59s', '60m', '179m', '3h', '2d']);
  assert.equal(
    table(
      ['A', 'LONG'],
      [
        ['x', ''],
        ['yyy', 'z'],
      ],
    ),
    'A     LONG\nx\nyyy   z',
  );
  assert.deepEqual([structured({ a: [1] }, 'json'), structured({ a: [1] }, 'yaml')], ['{\n  "a": [\n    1\n  ]\n}', 'a:\n  - 1']);
});
