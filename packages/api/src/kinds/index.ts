import type { z } from 'zod';
import type { KindDefinition } from '../kind.ts';
import { namespaceKind } from './core/namespace.ts';
import { serviceAccountKind } from './core/service-account.ts';
import { serviceKind } from './core/service.ts';
import { destinationRuleKind } from './networking/destination-rule.ts';
import { gatewayKind } from './networking/gateway.ts';
import { serviceEntryKind } from './networking/service-entry.ts';
import { virtualServiceKind } from './networking/virtual-service.ts';
import { workloadEntryKind } from './networking/workload-entry.ts';
import { peerAuthenticationKind } from './security/peer-authentication.ts';

/** Every kind, in the order in which `apply` and listings take them: what others refer to comes first. */
export const KINDS: readonly KindDefinition<string, z.ZodType>[] = [
  namespaceKind,
  serviceAccountKind,
  serviceKind,
  workloadEntryKind,
  serviceEntryKind,
  gatewayKind,
  destinationRuleKind,
  virtualServiceKind,
  peerAuthenticationKind,
];
