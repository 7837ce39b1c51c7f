import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Problem } from '@meltemi/base';
import { configRows, filterRows, sortRows } from './model.ts';

const gvk = 'networking.istio.io/v1, Kind=VirtualService';
const object = (name: string) => ({ kind: 'VirtualService', apiVersion: 'networking.istio.io/v1', metadata: { name, namespace: 'bookinfo' } });
const problem = (name: string | undefined, severity: Problem['severity'], line: number): Problem => ({
  code: 'MEL1',
  severity,
  path: 'spec',
  message: `wrong ${line}`,
  fix: { text: 'right' },
  origin: { source: 'file', file: 'config/a.yaml', line },
  ...(name === undefined ? {} : { object: { kind: 'VirtualService', namespace: 'bookinfo', name } }),
});

it('joins objects, validations and problems; what is held back stands on top', () => {
  const rows = configRows(
    {
      resources: { [gvk]: [object('valid'), object('warned'), object('checked')] },
      validations: {
        [gvk]: {
          'checked.bookinfo.meltemi': {
            name: 'checked',
            namespace: 'bookinfo',
            valid: false,
            checks: [{ code: 'KIA1', message: 'bad', severity: 'error', path: 'spec/x', origin: { file: 'b.yaml', line: 3 } }],
          },
        },
      },
    },
    [problem('warned', 'warning', 4), problem('held', 'error', 9), problem('held', 'error', 11), problem(undefined, 'error', 2)],
    ['bookinfo'],
  );
  assert.deepEqual(
    sortRows(rows, 'name', false).map((row) => [row.kind, row.name, row.state, row.held, row.messages.map((one) => one.place)]),
    [
      ['File', 'a.yaml', 'Not Valid', true, ['config/a.yaml:2']],
      ['VirtualService', 'held', 'Not Valid', true, ['config/a.yaml:9', 'config/a.yaml:11']],
      ['VirtualService', 'checked', 'Not Valid', false, ['b.yaml:3']],
      ['VirtualService', 'valid', 'Valid', false, []],
      ['VirtualService', 'warned', 'Warning', false, ['config/a.yaml:4']],
    ],
  );
  assert.deepEqual(
    filterRows(rows, [
      { by: 'type', value: 'VirtualService' },
      { by: 'health', value: 'Valid' },
    ]).map((row) => row.name),
    ['valid'],
  );
  assert.deepEqual(
    sortRows(rows, 'state', true)
      .map((row) => row.held)
      .slice(0, 2),
    [true, true],
  );
});
