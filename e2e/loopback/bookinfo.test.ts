import { bookinfoSuite } from '../testkit/bookinfo-suite.ts';

// Envoy in this mode: `e2e/long`, and all guides.
bookinfoSuite({ dataPlane: 'embedded', interception: 'ports', requests: 900, skip: false });
