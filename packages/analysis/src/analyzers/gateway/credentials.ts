import { secretValue, type Config, type GatewayServer, type Secret } from '@meltemi/api';
import { labelsMatch } from '@meltemi/match';
import { defineAnalyzer, type AnalysisContext, type AnalysisFinding } from '../../analyzer.ts';

type Tls = NonNullable<GatewayServer['tls']>;

/** What a server needs: a key pair or certificates to trust, by the field that names it. */
interface Need {
  readonly field: string;
  readonly name: string;
  readonly trust: boolean;
}

const CA_SUFFIX = '-cacert';

function needsOf(tls: Tls): readonly Need[] {
  const pairs = pairsOf(tls);
  const [first] = pairs;
  const asks = tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL';
  if (!asks || tls.caCertificates !== undefined) return pairs;
  const { caCertCredentialName: name } = tls;
  if (name !== undefined) return [...pairs, { field: 'caCertCredentialName', name, trust: true }];
  return first === undefined ? pairs : [...pairs, { ...first, trust: true }];
}

function pairsOf({ credentialName, credentialNames = [] }: Tls): readonly Need[] {
  if (credentialNames.length > 0) return credentialNames.map((name, index) => ({ field: `credentialNames[${index}]`, name, trust: false }));
  return credentialName === undefined ? [] : [{ field: 'credentialName', name: credentialName, trust: false }];
}

/** TLS of a Gateway comes from Secrets in the namespace of the workloads that serve it; without them the port refuses its clients. */
export const credentials = defineAnalyzer({
  name: 'gateway/credentials',
  codes: ['IST0101'],
  reads: ['Gateway', 'Secret', 'ConfigMap', 'workloads'],
  analyze(context) {
    const has = holders(context);
    return context.subjects('Gateway').flatMap((config) => {
      const selector = config.spec.selector ?? {};
      const serving = context.workloads().filter((workload) => Object.keys(selector).length > 0 && labelsMatch(selector, workload.labels));
      const namespaces = [...new Set(serving.map((workload) => workload.namespace))];
      return config.spec.servers.flatMap((server, index) =>
        needsOf(server.tls ?? {}).flatMap((need): readonly AnalysisFinding[] => {
          const missing = need.name.includes('://') ? undefined : namespaces.find((namespace) => !has(namespace, need));
          return missing === undefined ? [] : [finding(config, `spec.servers[${index}].tls.${need.field}`, need, missing)];
        }),
      );
    });
  },
});

function finding(config: Config, path: string, { name, trust }: Need, namespace: string): AnalysisFinding {
  const what = trust ? `certificates to trust (ca.crt, in "${name}" or "${name}${CA_SUFFIX}")` : 'certificate and key (tls.crt and tls.key)';
  return {
    code: 'IST0101',
    config,
    path,
    message: `no Secret "${name}" with ${what} is in the namespace "${namespace}" of the gateway's workloads: TLS connections are refused`,
    fix: { text: `Put the Secret into the namespace "${namespace}".` },
  };
}

/** Whether a namespace holds what a server needs. */
function holders(context: AnalysisContext): (namespace: string, need: Need) => boolean {
  const keyOf = ({ meta }: Config): string => `${meta.namespace}/${meta.name}`;
  const secrets = new Map(context.configs('Secret').map((config) => [keyOf(config), config]));
  const maps = new Map(context.configs('ConfigMap').map((config) => [keyOf(config), config]));
  const pair = (secret: Config<Secret> | undefined): boolean =>
    secret !== undefined && secretValue(secret, 'tls.crt', 'cert') !== undefined && secretValue(secret, 'tls.key', 'key') !== undefined;
  const roots = (secret: Config<Secret> | undefined): boolean => secret !== undefined && secretValue(secret, 'ca.crt', 'cacert') !== undefined;
  return (namespace, { name, trust }) => {
    const key = `${namespace}/${name}`;
    if (!trust) return pair(secrets.get(key));
    const data = maps.get(`${key}${CA_SUFFIX}`)?.spec.data ?? {};
    return roots(secrets.get(`${key}${CA_SUFFIX}`)) || roots(secrets.get(key)) || 'ca.crt' in data || 'cacert' in data;
  };
}
