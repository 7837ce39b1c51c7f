import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { bookinfoSuite } from '../testkit/bookinfo-suite.ts';

bookinfoSuite({ dataPlane: 'envoy', interception: 'ports', requests: 900, skip: findEnvoy() === undefined ? NO_ENVOY : false });
