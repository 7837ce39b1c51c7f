import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { dnsLabel, exportTo, host, labels, opt, req, workloadSelectorMatchLabels } from '../../schema/fields.ts';
import { trafficPolicy } from './traffic-policy.ts';

export const destinationRuleSchema = z.strictObject({
  host: req(host, 'Service the rule is about; a short name gets the namespace of this object.'),
  trafficPolicy: opt(trafficPolicy, 'How proxies call the service.'),
  subsets: opt(
    z.array(
      z.strictObject({
        name: req(dnsLabel, 'Name that routes refer to.'),
        labels: opt(labels, 'Labels of the endpoints in the subset.'),
        trafficPolicy: opt(trafficPolicy, 'Replaces the blocks of the policy above.'),
      }),
    ),
    'Named parts of the endpoints of the service.',
  ),
  exportTo: opt(exportTo, 'Namespaces that see this object; default all.'),
  workloadSelector: opt(workloadSelectorMatchLabels, 'Only for calls by these workloads.'),
});

/** Spec of a DestinationRule: how proxies call a service, and its subsets. */
export type DestinationRule = DeepReadonly<z.output<typeof destinationRuleSchema>>;
export type Subset = NonNullable<DestinationRule['subsets']>[number];
export type TrafficPolicy = NonNullable<DestinationRule['trafficPolicy']>;
export type PortTrafficPolicy = NonNullable<TrafficPolicy['portLevelSettings']>[number];
export type LoadBalancerSettings = NonNullable<TrafficPolicy['loadBalancer']>;
export type ConnectionPoolSettings = NonNullable<TrafficPolicy['connectionPool']>;
export type OutlierDetection = NonNullable<TrafficPolicy['outlierDetection']>;
export type ClientTlsSettings = NonNullable<TrafficPolicy['tls']>;
