import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRouter } from './router.ts';
import type { Route } from './types.ts';

const route = (method: Route['method'], path: string): Route => ({ method, path, handler: () => ({ status: 200 }) });
const match = createRouter([
  route('GET', '/'),
  route('GET', '/api/namespaces/graph'),
  route('GET', '/api/namespaces/:namespace/:kind'),
  route('PUT', '/api/namespaces/:namespace/:kind'),
  route('GET', '/files/*path'),
  route('GET', '/api/*rest'),
]);

test('the most literal route wins, with decoded parameters', () => {
  const cases: readonly (readonly [string, string, string, Record<string, string>])[] = [
    ['GET', '/', '/', {}],
    ['GET', '/api/namespaces/graph', '/api/namespaces/graph', {}],
    ['GET', '/api/namespaces/book%20info/pods', '/api/namespaces/:namespace/:kind', { namespace: 'book info', kind: 'pods' }],
    ['PUT', '/api/namespaces/a/b', '/api/namespaces/:namespace/:kind', { namespace: 'a', kind: 'b' }],
    ['HEAD', '/files/a/b.js', '/files/*path', { path: 'a/b.js' }],
    ['GET', '/api/namespaces/a/b/c', '/api/*rest', { rest: 'namespaces/a/b/c' }],
  ];
  for (const [method, path, expected, params] of cases) {
    const found = match(method, path);
    assert.equal(found.t, 'found', path);
    if (found.t === 'found') assert.deepEqual({ path: found.route.path, params: found.params }, { path: expected, params }, path);
  }
});

test('unknown paths, wrong methods and hidden separators', () => {
  assert.deepEqual(match('GET', '/nothing'), { t: 'none' });
  assert.deepEqual(match('DELETE', '/api/namespaces/a/b'), { t: 'method', allow: ['GET', 'PUT', 'HEAD'] });
  for (const path of ['/files/..%2f..%2fetc', '/files/a%5cb', '/files/%00', '/files/%zz']) assert.deepEqual(match('GET', path), { t: 'none' }, path);
});

test('a table with two equal routes is refused', () => {
  assert.throws(() => createRouter([route('GET', '/a/:x'), route('GET', '/a/:y')]), { code: 'http/route' });
});
