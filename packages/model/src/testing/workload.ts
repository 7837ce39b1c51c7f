import { NO_LOCALITY, type Workload } from '../index.ts';

/** A workload for tests: connected, healthy, on our proxy, in namespace `a` at 10.0.0.1; with what is given instead. */
export function sampleWorkload(more: Partial<Workload> = {}): Workload {
  const { address = '10.0.0.1' } = more;
  return {
    name: 'x',
    namespace: 'a',
    serviceAccount: 'x',
    labels: {},
    address,
    appAddress: address,
    ports: [],
    portMap: {},
    locality: NO_LOCALITY,
    weight: 1,
    tlsMode: 'istio',
    health: 'healthy',
    dataPlane: 'embedded',
    cluster: 'meltemi',
    registry: 'connected',
    ...more,
  };
}
