import type { LoadBalancerSettings } from '@meltemi/api';
import type { MeshConfig, Service } from '@meltemi/model';
import type { Cluster } from '@meltemi/protos-types';
import { defined } from '../common/defined.ts';
import type { EffectivePolicy } from './traffic-policy.ts';

export type LocalityLb = NonNullable<LoadBalancerSettings['localityLbSetting']>;

/** How callers of a service spread over localities. */
export interface LocalityRule {
  readonly setting: LocalityLb;
  /** Whether callers may leave a locality: with ejection (without it nobody would notice that one is bad), or when the service itself asks for the nearest. */
  readonly failover: boolean;
  /** The proxy itself shares a region's zones out; only regions are ordered for it. */
  readonly zoneAware?: ZoneAwareLb;
}

type ZoneAwareLb = NonNullable<LoadBalancerSettings['zoneAwareLbSetting']>;

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
  const zones = policy.loadBalancer?.zoneAwareLbSetting ?? (own === undefined ? mesh.zoneAwareLbSetting : undefined);
  if (zones !== undefined) return zones.enabled === false ? undefined : { setting: withoutZones(zones), failover: true, zoneAware: zones };
  if (own !== undefined) return own.enabled === false ? undefined : { setting: own, failover };
  if (service.trafficDistribution !== undefined) return { setting: NEAREST[service.trafficDistribution], failover: true };
  return mesh.localityLbEnabled ? { setting: mesh.localityLbSetting ?? DEFAULT, failover } : undefined;
}

/** What orders regions. */
function withoutZones({ failover, failoverPriority }: ZoneAwareLb): LocalityLb {
  return defined({ failover, failoverPriority });
}

/** Where the weights of localities are said, the proxy must heed them; elsewhere they would only disturb the balancer. */
function isLocalityWeighted(rule: LocalityRule | undefined): boolean {
  if (rule === undefined || rule.zoneAware !== undefined) return false;
  const { setting, failover } = rule;
  return setting.distribute !== undefined || (failover && (setting.failover !== undefined || setting.failoverPriority !== undefined));
}

/** A proxy that knows its own cluster is zone-aware where nothing else is said: it must be said that it is not. */
function zoneFields(rule: LocalityRule | undefined, zonesInUse: boolean): NonNullable<Cluster['common_lb_config']> {
  const zones = rule?.zoneAware;
  if (zones === undefined) return zonesInUse ? { zone_aware_lb_config: { routing_enabled: { value: 0 } } } : {};
  return { zone_aware_lb_config: { routing_enabled: { value: 100 }, ...defined({ min_cluster_size: zones.minClusterSize }) } };
}

/** The part of a cluster's balancing that is the same for every balancer: localities, and when "all are bad, so use all" begins. */
export function commonLbFields(
  policy: EffectivePolicy,
  rule: LocalityRule | undefined,
  { zonesInUse, sessions }: { readonly zonesInUse: boolean; readonly sessions: boolean },
): Pick<Cluster, 'common_lb_config'> {
  return {
    common_lb_config: {
      // 0 switches it off: endpoints that are not ready get no traffic, unless a user says below which share.
      healthy_panic_threshold: { value: policy.outlierDetection?.minHealthPercent ?? 0 },
      // Who drains takes nobody new, and keeps those whom it has.
      ...(sessions ? { override_host_status: { statuses: ['UNKNOWN', 'HEALTHY', 'DEGRADED', 'DRAINING'] } } : {}),
      ...(isLocalityWeighted(rule) ? { locality_weighted_lb_config: {} } : zoneFields(rule, zonesInUse)),
    },
  };
}
