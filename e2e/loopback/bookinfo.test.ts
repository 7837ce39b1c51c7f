import { bookinfoSuite } from '../testkit/bookinfo-suite.ts';

for (const dataPlane of ['embedded', 'envoy'] as const) bookinfoSuite({ dataPlane, interception: 'ports', requests: 900, skip: false });
