import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceKey, type Service } from '@meltemi/model';
import { sampleWorkload } from '@meltemi/model/testing';
import fc from 'fast-check';
import { createEndpointKeeper, type EndpointKeeper } from './endpoint-updates.ts';

const APPS = ['x', 'y', 'z'];
const WORKLOADS = Array.from({ length: 12 }, (_, i) =>
  sampleWorkload({
    name: `w${i}`,
    labels: { app: APPS[i % APPS.length] ?? '' },
    address: `10.0.0.${i}`,
    ports: [{ number: 80, protocol: 'http' }],
  }),
);
const SERVICES: readonly Service[] = APPS.map((app) => ({
  hostname: `${app}.a.svc.cluster.local`,
  name: app,
  namespace: 'a',
  ports: [{ name: 'http', number: 80, protocol: 'http', targetPort: 80 }],
  resolution: 'static',
  addresses: [],
  vip: undefined,
  selector: { app },
  labels: {},
  external: false,
  headless: false,
  subjectAltNames: [],
  endpoints: [],
  exportTo: ['*'],
  registry: 'kubernetes',
  createdAt: '~',
  object: { kind: 'Service', namespace: 'a', name: app },
})) as never;

/** Some of the list, in any order, each once. */
const someOf = <T>(list: readonly T[]): fc.Arbitrary<readonly T[]> => fc.shuffledSubarray([...list]);

test('whatever the lists were before, in whatever order, the index is that of a fresh keeper', () => {
  const lists = fc.record({ services: someOf(SERVICES), workloads: someOf(WORKLOADS) });
  const stateOf = ({ index }: EndpointKeeper): unknown => [
    SERVICES.map((service) => index.endpoints(serviceKey(service), 80).map(({ address }) => address)),
    WORKLOADS.map(({ address }) => index.workloadAt(address)?.name),
  ];
  fc.assert(
    fc.property(fc.array(lists, { minLength: 2, maxLength: 6 }), (turns) => {
      const keeper = createEndpointKeeper();
      for (const { services, workloads } of turns) {
        keeper.update(services, workloads, 'cluster.local');
        const fresh = createEndpointKeeper();
        fresh.update(services, workloads, 'cluster.local');
        assert.deepEqual(stateOf(keeper), stateOf(fresh));
      }
    }),
    { numRuns: 300 },
  );
  const whole = createEndpointKeeper();
  whole.update(SERVICES, WORKLOADS, 'cluster.local');
  assert.equal(whole.index.endpoints(serviceKey(SERVICES[0] as Service), 80).length, 4);
});
