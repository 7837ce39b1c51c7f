import { criteriaOf } from '../lb/subsets.ts';
import type { ConsistentHashing, LoadBalancing, LocalityBalancing, SlowStart, SubsetBalancing, SubsetSelector } from '../types/balancing.ts';
import { filterMetadata } from './common.ts';
import { decodeHashPolicies } from './hash-policy.ts';
import type { Reader } from './reader.ts';

/** How a cluster balances: its policy, how localities share, and subsets. */
export interface Balancing {
  readonly lb: LoadBalancing;
  readonly locality: LocalityBalancing;
  readonly subsets?: SubsetBalancing;
}

/** Our own policy, by a hint in the cluster's metadata: Envoy does what `lb_policy` says. */
const PEAK_EWMA: LoadBalancing = { t: 'peak-ewma', decayMs: 10_000 };

/** `common` is the cluster's `common_lb_config`. */
export function decodeBalancing(reader: Reader, common: Reader | undefined): Balancing {
  const policy = reader.message('load_balancing_policy');
  const own = filterMetadata(reader.raw('metadata'), 'meltemi.io')?.['lb'];
  if (own !== undefined && own !== 'peak-ewma')
    reader.fail('metadata', `${JSON.stringify(own)} is no load balancer of this proxy; there is "peak-ewma"`);
  const decoded = policy === undefined ? decodeOld(reader, common) : decodePolicies(policy);
  // The old fields are not looked at beside the new one, as in Envoy.
  if (policy !== undefined) ignoreOld(reader, common);
  return own === 'peak-ewma' ? { ...decoded, lb: PEAK_EWMA } : decoded;
}

const OLD_CONFIGS = ['round_robin_lb_config', 'least_request_lb_config', 'ring_hash_lb_config', 'maglev_lb_config', 'lb_subset_config'] as const;

function ignoreOld(reader: Reader, common: Reader | undefined): void {
  common?.harmless('consistent_hashing_lb_config', 'locality_weighted_lb_config', 'zone_aware_lb_config');
  reader.harmless('lb_policy');
  for (const field of OLD_CONFIGS) reader.message(field)?.ignoreRest();
}

function decodeOld(reader: Reader, common: Reader | undefined): Balancing {
  const policy = reader.oneOf(
    'lb_policy',
    {
      ROUND_ROBIN: 'round-robin',
      LEAST_REQUEST: 'least-request',
      RANDOM: 'random',
      RING_HASH: 'ring-hash',
      MAGLEV: 'maglev',
      CLUSTER_PROVIDED: 'cluster-provided',
      // Says only that the other field counts, which is not there: Envoy refuses that too.
      LOAD_BALANCING_POLICY_CONFIG: 'missing',
    },
    'round-robin',
  );
  reader.require('lb_policy', policy !== 'missing', 'load_balancing_policy is not set');
  const hashing = decodeConsistent(common?.message('consistent_hashing_lb_config'));
  // Settings of policies that are not in use are read, so that only what is unknown in them is refused.
  const configs = {
    'round-robin': decodeRoundRobin(reader.message('round_robin_lb_config')),
    'least-request': decodeLeastRequest(reader.message('least_request_lb_config')),
    'ring-hash': decodeRingHash(reader.message('ring_hash_lb_config'), hashing),
    maglev: decodeMaglev(reader.message('maglev_lb_config'), hashing),
    random: { t: 'random' },
    'cluster-provided': { t: 'cluster-provided' },
    missing: { t: 'round-robin' },
  } as const satisfies Record<string, LoadBalancing>;
  const subsets = decodeSubsets(reader.message('lb_subset_config'), false);
  return { lb: configs[policy as keyof typeof configs], locality: decodeLocality(common), ...(subsets === undefined ? {} : { subsets }) };
}

const POLICIES = 'envoy.extensions.load_balancing_policies.';
const WEIGHTED: LocalityBalancing = { t: 'weighted' };

/** The first policy of the list that this proxy knows, as Envoy chooses; when it knows none, that is a fault. */
function decodePolicies(reader: Reader): Balancing {
  const names: string[] = [];
  let found: Balancing | undefined;
  for (const policy of reader.messages('policies')) {
    const extension = policy.message('typed_extension_config');
    extension?.harmless('name');
    const config = extension?.message('typed_config');
    if (config === undefined) continue;
    const type = config.type();
    names.push(type);
    if (found === undefined) found = decodePolicy(config, type);
    else config.ignoreRest();
  }
  if (found === undefined) reader.fail('policies', `none of the policies is supported by this proxy: ${names.join(', ')}`);
  return found ?? ROUND_ROBIN;
}

function decodePolicy(config: Reader, type: string): Balancing | undefined {
  const decode = type.startsWith(POLICIES) ? TYPED[type.slice(POLICIES.length)] : undefined;
  if (decode === undefined) config.ignoreRest();
  return decode?.(config);
}

const ROUND_ROBIN: Balancing = { lb: { t: 'round-robin' }, locality: { t: 'none' } };

const TYPED: Readonly<Record<string, (config: Reader) => Balancing>> = {
  'round_robin.v3.RoundRobin': (config) => ({ lb: decodeRoundRobin(config), locality: decodeLocality(config.message('locality_lb_config')) }),
  'least_request.v3.LeastRequest': (config) => ({ lb: decodeLeastRequest(config), locality: decodeLocality(config.message('locality_lb_config')) }),
  'random.v3.Random': (config) => ({ lb: { t: 'random' }, locality: decodeLocality(config.message('locality_lb_config')) }),
  'ring_hash.v3.RingHash': (config) => ({ lb: decodeRingHash(config, typedConsistent(config)), locality: typedWeighted(config) }),
  'maglev.v3.Maglev': (config) => ({ lb: decodeMaglev(config, typedConsistent(config)), locality: typedWeighted(config) }),
  'cluster_provided.v3.ClusterProvided': () => ({ lb: { t: 'cluster-provided' }, locality: { t: 'none' } }),
  'wrr_locality.v3.WrrLocality': (config) => ({ ...nested(config, 'endpoint_picking_policy'), locality: WEIGHTED }),
  'subset.v3.Subset': (config) => {
    const subsets = decodeSubsets(config, true);
    return { ...nested(config, 'subset_lb_policy'), ...(subsets === undefined ? {} : { subsets }) };
  },
};

function nested(config: Reader, field: string): Balancing {
  const policy = config.message(field);
  if (policy === undefined) config.fail(field, 'missing');
  return policy === undefined ? ROUND_ROBIN : decodePolicies(policy);
}

function typedWeighted(config: Reader): LocalityBalancing {
  return config.message('locality_weighted_lb_config') === undefined ? { t: 'none' } : WEIGHTED;
}

/** The older spellings beside the message count where it is absent. */
function typedConsistent(config: Reader): ConsistentHashing {
  const message = config.message('consistent_hashing_lb_config');
  if (message !== undefined) {
    config.harmless('use_hostname_for_hashing', 'hash_balance_factor');
    return decodeConsistent(message);
  }
  return decodeConsistent(config);
}

function decodeConsistent(reader: Reader | undefined): ConsistentHashing {
  const balancePercent = reader?.number('hash_balance_factor', 0) ?? 0;
  reader?.require('hash_balance_factor', balancePercent === 0 || balancePercent >= 100, `${balancePercent} is less than 100 percent of the average`);
  return {
    byHostname: reader?.bool('use_hostname_for_hashing') ?? false,
    balancePercent,
    policies: decodeHashPolicies(reader?.messages('hash_policy') ?? []),
  };
}

const ZONE_AWARE: LocalityBalancing = { t: 'zone-aware', enabled: 1, minClusterSize: 6, failOnPanic: false, forceDirect: false };

function decodeLocality(reader: Reader | undefined): LocalityBalancing {
  if (reader?.message('locality_weighted_lb_config') !== undefined) return WEIGHTED;
  const zone = reader?.message('zone_aware_lb_config');
  // Envoy's: where nothing is said, a proxy that knows its own cluster is zone-aware.
  if (zone === undefined) return ZONE_AWARE;
  const enabled = zone.message('routing_enabled');
  return {
    t: 'zone-aware',
    enabled: enabled === undefined ? 1 : Math.round(enabled.number('value', 0)) / 100,
    minClusterSize: zone.number('min_cluster_size', 6),
    failOnPanic: zone.bool('fail_traffic_on_panic'),
    forceDirect: zone.bool('force_locality_direct_routing'),
  };
}

function decodeSlowStart(reader: Reader | undefined): { readonly slowStart?: SlowStart } {
  const config = reader?.message('slow_start_config');
  if (config === undefined) return {};
  const aggression = config.message('aggression');
  // There is no runtime layer to look the key up in.
  aggression?.harmless('runtime_key');
  const factor = aggression?.number('default_value', 1) ?? 1;
  config.require('aggression', factor > 0, `${factor} must be more than 0`);
  const share = config.message('min_weight_percent');
  return {
    slowStart: {
      windowMs: config.duration('slow_start_window', 0),
      aggression: factor,
      minShare: share === undefined ? 0.1 : share.number('value', 0) / 100,
    },
  };
}

function decodeRoundRobin(reader: Reader | undefined): LoadBalancing {
  return { t: 'round-robin', ...decodeSlowStart(reader) };
}

function decodeLeastRequest(reader: Reader | undefined): LoadBalancing {
  if (reader === undefined) return { t: 'least-request', choices: 2, activeRequestBias: 1, fullScan: false };
  const bias = reader.message('active_request_bias');
  bias?.harmless('runtime_key');
  const activeRequestBias = bias?.number('default_value', 1) ?? 1;
  reader.require('active_request_bias', activeRequestBias >= 0, `${activeRequestBias} is negative`);
  const choices = reader.number('choice_count', 2);
  reader.require('choice_count', choices >= 2, `${choices} is no choice`);
  const fullScan = reader.oneOf('selection_method', { N_CHOICES: false, FULL_SCAN: true }, false);
  return { t: 'least-request', choices, activeRequestBias, fullScan: reader.bool('enable_full_scan') || fullScan, ...decodeSlowStart(reader) };
}

const MAX_RING = 8_388_608;

function decodeRingHash(reader: Reader | undefined, hashing: ConsistentHashing): LoadBalancing {
  const minSize = reader?.number('minimum_ring_size', 1024) ?? 1024;
  const maxSize = reader?.number('maximum_ring_size', MAX_RING) ?? MAX_RING;
  reader?.require(
    'minimum_ring_size',
    minSize >= 1 && minSize <= MAX_RING && minSize <= maxSize,
    `${minSize} is not within 1 and the maximum ${maxSize}`,
  );
  reader?.require('maximum_ring_size', maxSize <= MAX_RING, `${maxSize} is more than ${MAX_RING}`);
  const hash = reader?.oneOf<'xx' | 'murmur2'>('hash_function', { DEFAULT_HASH: 'xx', XX_HASH: 'xx', MURMUR_HASH_2: 'murmur2' }, 'xx') ?? 'xx';
  return { t: 'ring-hash', minSize, maxSize, hash, ...hashing };
}

const MAX_TABLE = 5_000_011;

function decodeMaglev(reader: Reader | undefined, hashing: ConsistentHashing): LoadBalancing {
  const tableSize = reader?.number('table_size', 65_537) ?? 65_537;
  reader?.require('table_size', isPrime(tableSize) && tableSize <= MAX_TABLE, `${tableSize} is no prime number up to ${MAX_TABLE}`);
  return { t: 'maglev', tableSize, ...hashing };
}

function isPrime(value: number): boolean {
  if (!Number.isInteger(value) || value < 2 || value > MAX_TABLE) return false;
  for (let factor = 2; factor * factor <= value; factor++) if (value % factor === 0) return false;
  return true;
}

function decodeSubsets(reader: Reader | undefined, typed: boolean): SubsetBalancing | undefined {
  if (reader === undefined) return undefined;
  const selectors = reader.messages('subset_selectors').map(decodeSelector);
  const config: SubsetBalancing = {
    fallback: reader.oneOf<SubsetBalancing['fallback']>(
      'fallback_policy',
      { NO_FALLBACK: 'none', ANY_ENDPOINT: 'any', DEFAULT_SUBSET: 'default' },
      'none',
    ),
    defaultSubset: criteriaOf(reader.raw('default_subset')),
    selectors,
    localityWeightAware: reader.bool('locality_weight_aware'),
    scaleLocalityWeight: reader.bool('scale_locality_weight'),
    panicAny: reader.bool('panic_mode_any'),
    listAsAny: reader.bool('list_as_any'),
    fallbackList: reader.oneOf('metadata_fallback_policy', { METADATA_NO_FALLBACK: false, FALLBACK_LIST: true }, false),
    allowRedundantKeys: typed && reader.bool('allow_redundant_keys'),
  };
  // Envoy's rule for the old field: without selectors there are no subsets.
  return selectors.length === 0 && !typed ? undefined : config;
}

function decodeSelector(reader: Reader): SubsetSelector {
  const keys = [...new Set(reader.strings('keys'))].sort();
  const fallback = reader.oneOf<SubsetSelector['fallback']>(
    'fallback_policy',
    { NOT_DEFINED: 'undefined', NO_FALLBACK: 'none', ANY_ENDPOINT: 'any', DEFAULT_SUBSET: 'default', KEYS_SUBSET: 'keys' },
    'undefined',
  );
  const fallbackKeys = [...new Set(reader.strings('fallback_keys_subset'))].sort();
  if (fallback === 'keys') {
    const proper = fallbackKeys.length > 0 && fallbackKeys.length < keys.length && fallbackKeys.every((key) => keys.includes(key));
    reader.require('fallback_keys_subset', proper, 'must be some of the keys, and not all of them');
  }
  const singleHost = reader.bool('single_host_per_subset');
  return { keys, fallback, fallbackKeys, singleHost };
}
