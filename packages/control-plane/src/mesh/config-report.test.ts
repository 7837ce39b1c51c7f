import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { decodeYaml, ofKind } from '@meltemi/api';
import { silentLog } from '@meltemi/base';
import { buildPushContext, createEndpointIndex, DEFAULT_MESH_CONFIG, serviceFromKubernetes } from '@meltemi/model';
import { sampleWorkload } from '@meltemi/model/testing';
import type { ConfigStore } from '@meltemi/registry';
import { guardedTimers } from '../platform.ts';
import { watchConfigFiles, type ConfigReport } from './config-report.ts';
import { createFindings } from './findings.ts';

const YAML = `apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: bookinfo }
spec: { selector: { app: reviews }, ports: [{ port: 80, name: http }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: bookinfo }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: lost, namespace: bookinfo }
spec: { hosts: [lost], http: [{ route: [{ destination: { host: nowhere } }] }] }
`;

/** A workload that whoever compares labels stumbles over. */
const BROKEN = Object.defineProperty(sampleWorkload({ name: 'reviews', namespace: 'bookinfo', serviceAccount: 'reviews' }), 'labels', {
  get(): never {
    throw new TypeError('a workload nobody thought of');
  },
});

const STORE: ConfigStore = {
  get: () => undefined,
  list: () => [],
  problems: () => [],
  watch: () => () => undefined,
  watchProblems: () => () => undefined,
  close: async () => undefined,
};

test('an analyzer that fails is logged by its name; what the others find is told, and the process lives', async () => {
  const { configs } = decodeYaml(YAML, { source: 'file', file: 'a.yaml' });
  const services = ofKind(configs, 'Service').map((config) => serviceFromKubernetes(config, DEFAULT_MESH_CONFIG));
  const state = { push: buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services, configs }), endpoints: createEndpointIndex() };
  const mesh = { state, workloads: () => [BROKEN], settle: () => 1, watch: () => () => undefined };
  const faults: unknown[] = [];
  const log = { ...silentLog, error: (_: string, fields?: Readonly<Record<string, unknown>>) => faults.push(fields?.['analyzer']) };
  const told = new EventEmitter();
  const stop = watchConfigFiles({ store: STORE, mesh, findings: createFindings(mesh, STORE, log), timers: guardedTimers(log) }, (report) =>
    told.emit('report', report),
  );
  // The timer alone does not keep the process waiting.
  const alive = setTimeout(() => undefined, 10_000);
  const [report] = (await once(told, 'report')) as [ConfigReport];
  clearTimeout(alive);
  stop();
  assert.deepEqual(faults, ['destination-rule/subset-labels', 'service/port-names']);
  assert.match(report.fresh.map(({ message }) => message).join('\n'), /nowhere/);
});

test('a timed task that fails is logged', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const alive = setTimeout(() => undefined, 10_000);
  guardedTimers({ ...silentLog, error: (message) => resolve(message) }).after(0, () => {
    throw new Error('no');
  });
  assert.equal(await promise, 'a timed task failed');
  clearTimeout(alive);
});
