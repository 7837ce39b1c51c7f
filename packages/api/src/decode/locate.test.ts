import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '@meltemi/base';
import { locateProblems } from './locate.ts';

test('a problem of analysis gets the line of its path', () => {
  const text = `apiVersion: v1
kind: Namespace
metadata: { name: a }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
  - route:
    - destination:
        host: rewiews
`;
  const problem: Problem = {
    code: 'KIA1101',
    severity: 'error',
    path: 'spec.http[0].route[0].destination.host',
    message: 'm',
    object: { kind: 'VirtualService', namespace: 'default', name: 'reviews' },
  };
  const other: Problem = { ...problem, object: { kind: 'VirtualService', namespace: 'default', name: 'other' } };
  const [found, same] = locateProblems([problem, other], text, { file: 'f.yaml' });
  assert.deepEqual(found?.origin, { source: 'file', file: 'f.yaml', line: 13, column: 15 });
  assert.equal(same, other);
});
