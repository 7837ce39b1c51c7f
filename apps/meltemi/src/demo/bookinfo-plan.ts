/** One workload of the demo: what `meltemi run` is told. */
export interface DemoWorkload {
  readonly workload: string;
  readonly app: string;
  readonly version: string;
  readonly serviceAccount: string;
  readonly port: number;
  readonly protocol: 'http' | 'tcp';
  /** Program of apps/bookinfo. */
  readonly program: 'productpage' | 'details' | 'reviews' | 'ratings' | 'database';
  readonly env?: Readonly<Record<string, string>>;
}

const http = (app: DemoWorkload['program'], version: string, env: Readonly<Record<string, string>> = {}): DemoWorkload => ({
  workload: `${app}-${version}`,
  app,
  version,
  serviceAccount: `bookinfo-${app}`,
  port: 9080,
  protocol: 'http',
  program: app,
  env: { SERVICE_VERSION: version, ...env },
});

/** Namespace, service accounts, workload and subset names are those of Istio's Bookinfo, so that configuration written for it applies. */
export const BOOKINFO_NAMESPACE = 'bookinfo';

/** The workloads of the demo, the slowest to start first. */
export const bookinfoPlan: readonly DemoWorkload[] = [
  {
    workload: 'postgresdb-v1',
    app: 'postgresdb',
    version: 'v1',
    serviceAccount: 'bookinfo-postgresdb',
    port: 5432,
    protocol: 'tcp',
    program: 'database',
    env: { SERVICE_VERSION: 'v1' },
  },
  http('productpage', 'v1'),
  http('details', 'v1'),
  http('reviews', 'v1'),
  http('reviews', 'v2'),
  http('reviews', 'v3'),
  http('ratings', 'v1'),
  http('ratings', 'v2'),
  http('productpage', 'v2'),
];
