import type { z } from 'zod';
import type { KindDefinition } from '../kind.ts';
import { configMapKind } from './core/config-map.ts';
import { namespaceKind } from './core/namespace.ts';
import { secretKind } from './core/secret.ts';
import { serviceAccountKind } from './core/service-account.ts';
import { serviceKind } from './core/service.ts';
import { backendTlsPolicyKind } from './gateway-api/backend-tls-policy.ts';
import { gatewayClassKind } from './gateway-api/gateway-class.ts';
import { kubernetesGatewayKind } from './gateway-api/gateway.ts';
import { grpcRouteKind } from './gateway-api/grpc-route.ts';
import { httpRouteKind } from './gateway-api/http-route.ts';
import { tcpRouteKind, tlsRouteKind } from './gateway-api/l4-routes.ts';
import { listenerSetKind } from './gateway-api/listener-set.ts';
import { referenceGrantKind } from './gateway-api/reference-grant.ts';
import { destinationRuleKind } from './networking/destination-rule.ts';
import { envoyFilterKind } from './networking/envoy-filter.ts';
import { gatewayKind } from './networking/gateway.ts';
import { proxyConfigKind } from './networking/proxy-config.ts';
import { serviceEntryKind } from './networking/service-entry.ts';
import { sidecarKind } from './networking/sidecar.ts';
import { virtualServiceKind } from './networking/virtual-service.ts';
import { workloadEntryKind } from './networking/workload-entry.ts';
import { workloadGroupKind } from './networking/workload-group.ts';
import { peerAuthenticationKind } from './security/peer-authentication.ts';
import { requestAuthenticationKind } from './security/request-authentication.ts';

/** Every kind, in the order in which `apply` and listings take them: what others refer to comes first. */
export const KINDS: readonly KindDefinition<string, z.ZodType>[] = [
  namespaceKind,
  configMapKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
  workloadGroupKind,
  workloadEntryKind,
  serviceEntryKind,
  sidecarKind,
  proxyConfigKind,
  gatewayKind,
  destinationRuleKind,
  virtualServiceKind,
  peerAuthenticationKind,
  requestAuthenticationKind,
  envoyFilterKind,
  gatewayClassKind,
  kubernetesGatewayKind,
  listenerSetKind,
  referenceGrantKind,
  backendTlsPolicyKind,
  httpRouteKind,
  grpcRouteKind,
  tlsRouteKind,
  tcpRouteKind,
];
