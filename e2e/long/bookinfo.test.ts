import { bookinfoSuite } from '../testkit/bookinfo-suite.ts';

bookinfoSuite({ dataPlane: 'envoy', interception: 'ports', requests: 900, skip: false });
