import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Message } from './model.ts';
import { pathSegments, yamlLines } from './yaml-lines.ts';

const message = (path: string): Message => ({ code: 'X1', severity: 'error', text: 'wrong', path, place: '', fix: '' });

it('reads both forms of a path', () => {
  assert.deepEqual(pathSegments('spec.http[0].route[12].destination.host'), ['spec', 'http', 0, 'route', 12, 'destination', 'host']);
  assert.deepEqual(pathSegments('spec/http[0]/weight'), ['spec', 'http', 0, 'weight']);
  assert.deepEqual(pathSegments(''), []);
});

it('puts a message on the line of its field, of the nearest one above, or on the first', () => {
  const object = { kind: 'VirtualService', spec: { hosts: ['a'], http: [{ route: [{ destination: { host: 'b' } }] }] } };
  const marked = (path: string): string | undefined => yamlLines(object, [message(path)]).find((line) => line.messages.length > 0)?.text;
  assert.equal(marked('spec.http[0].route[0].destination.host')?.trim(), 'host: b');
  assert.equal(marked('spec.http[0].route[0].destination.subset')?.trim(), 'host: b');
  assert.equal(marked('metadata.name'), 'kind: VirtualService');
  assert.equal(marked(''), 'kind: VirtualService');
});
