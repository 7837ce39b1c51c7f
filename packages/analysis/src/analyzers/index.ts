import type { Analyzer } from '../analyzer.ts';
import { host } from './destination-rule/host.ts';
import { mtls } from './destination-rule/mtls.ts';
import { subsetLabels } from './destination-rule/subset-labels.ts';
import { listenersAndPolicies } from './gateway-api/gateways.ts';
import { routes } from './gateway-api/routes.ts';
import { credentials } from './gateway/credentials.ts';
import { portProtocol } from './gateway/port-protocol.ts';
import { sameHost as sameGatewayHost } from './gateway/same-host.ts';
import { selector } from './gateway/selector.ts';
import { exportTo } from './generic/export-to.ts';
import { selectors } from './generic/selectors.ts';
import { trustDomain } from './mesh/trust-domain.ts';
import { overlaps } from './service-entry/overlaps.ts';
import { portNames } from './service/port-names.ts';
import { keys } from './request-authentication/keys.ts';
import { sameIssuer } from './request-authentication/same-issuer.ts';
import { targets } from './request-authentication/targets.ts';
import { hosts } from './sidecar/hosts.ts';
import { ingressTls } from './sidecar/ingress-tls.ts';
import { claims } from './virtual-service/claims.ts';
import { delegates } from './virtual-service/delegates.ts';
import { destinationHost } from './virtual-service/destination-host.ts';
import { destinationSubset } from './virtual-service/destination-subset.ts';
import { gateways } from './virtual-service/gateways.ts';
import { sameHost as sameVirtualServiceHost } from './virtual-service/same-host.ts';
import { unreachable } from './virtual-service/unreachable.ts';
import { weights } from './virtual-service/weights.ts';

/** Every analyzer. */
export const ANALYZERS: readonly Analyzer[] = [
  destinationHost,
  destinationSubset,
  delegates,
  gateways,
  sameVirtualServiceHost,
  unreachable,
  weights,
  claims,
  host,
  subsetLabels,
  mtls,
  selector,
  sameGatewayHost,
  credentials,
  portProtocol,
  selectors,
  hosts,
  ingressTls,
  trustDomain,
  portNames,
  overlaps,
  exportTo,
  routes,
  listenersAndPolicies,
  keys,
  targets,
  sameIssuer,
];
