import type { LoadBalancerSettings } from '@meltemi/api';
import type { MeshConfig, Service } from '@meltemi/model';
import type { Cluster } from '@meltemi/protos-types';
import type { EffectivePolicy } from './traffic-policy.ts';

export type LocalityLb = NonNullable<LoadBalancerSettings['localityLbSetting']>;

/** How callers of a service spread over localities. */
export interface LocalityRule {
  readonly setting: LocalityLb;
  /** Whether callers may leave a locality: with ejection (without it nobody would notice that one is bad), or when the service itself asks for the nearest. */
  readonly failover: boolean;
}

const DEFAULT: LocalityLb = {};

/** The nearest first, as a Kubernetes Service asks for it in `trafficDistribution`. */
const NEAREST: Readonly<Record<NonNullable<Service['trafficDistribution']>, LocalityLb>> = {
  zone: {
    failoverPriority: ['topology.istio.io/network', 'topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'],
  },
  node: {
    failoverPriority: [
      'topology.istio.io/network',
      'topology.kubernetes.io/region',
      'topology.kubernetes.io/zone',
      'topology.istio.io/subzone',
      'kubernetes.io/hostname',
    ],
  },
};

/** The rule in force: of the DestinationRule, else of the service, else of the mesh. Undefined: localities do not matter. */
export function localityRule(policy: EffectivePolicy, service: Pick<Service, 'trafficDistribution'>, mesh: MeshConfig): LocalityRule | undefined {
  const own = policy.loadBalancer?.localityLbSetting;
  const failover = policy.outlierDetection !== undefined;
  if (own !== undefined) return own.enabled === false ? undefined : { setting: own, failover };
  if (service.trafficDistribution !== undefined) return { setting: NEAREST[service.trafficDistribution], failover: true };
  return mesh.localityLbEnabled ? { setting: mesh.localityLbSetting ?? DEFAULT, failover } : undefined;
}

/** Where the weights of localities are said, the proxy must heed them; elsewhere they would only disturb the balancer. */
function isLocalityWeighted(rule: LocalityRule | undefined): boolean {
  if (rule === undefined) return false;
  const { setting, failover } = rule;
  return setting.distribute !== undefined || (failover && (setting.failover !== undefined || setting.failoverPriority !== undefined));
}

/** The part of a cluster's balancing that is the same for every balancer: localities, and when "all are bad, so use all" begins. */
export function commonLbFields(policy: EffectivePolicy, rule: LocalityRule | undefined): Pick<Cluster, 'common_lb_config'> {
  return {
    common_lb_config: {
      // 0 switches it off: endpoints that are not ready get no traffic, unless a user says below which share.
      healthy_panic_threshold: { value: policy.outlierDetection?.minHealthPercent ?? 0 },
      ...(isLocalityWeighted(rule) ? { locality_weighted_lb_config: {} } : {}),
    },
  };
}
