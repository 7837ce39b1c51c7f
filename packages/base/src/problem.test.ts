import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from './index.ts';

test('a problem names the kind of its object as its users write it', () => {
  const shown = (kind: string): string =>
    formatProblem({ code: 'MEL0208', severity: 'error', path: '', message: 'm', object: { kind, namespace: 'shop', name: 'web' } });
  assert.equal(shown('KubernetesGateway'), 'error [MEL0208] (Gateway shop/web): m');
  assert.equal(shown('HTTPRoute'), 'error [MEL0208] (HTTPRoute shop/web): m');
});
