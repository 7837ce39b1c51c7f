import { compareByAge, ofKind, type Config } from '@meltemi/api';
import { labelsMatch } from '../labels.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import type { ProxyDefaults } from '../types/proxy-defaults.ts';
import type { Labels } from '../types/service.ts';

/**
 * How the proxy of a workload is started: the mesh's defaults, over them the ProxyConfig of the root namespace, of the workload's own, and one that
 * selects the workload; the oldest of each. Environment variables add up.
 */
export function proxySettingsFor(
  configs: Iterable<Config>,
  mesh: MeshConfig,
  workload: { readonly namespace: string; readonly labels: Labels },
): ProxyDefaults {
  const all = ofKind(configs, 'ProxyConfig').sort(compareByAge);
  const selectorOf = (config: (typeof all)[number]): Labels => config.spec.selector?.matchLabels ?? {};
  const plain = (namespace: string) => all.find((config) => config.meta.namespace === namespace && Object.keys(selectorOf(config)).length === 0);
  const selecting = all.find(
    (config) =>
      config.meta.namespace === workload.namespace && Object.keys(selectorOf(config)).length > 0 && labelsMatch(selectorOf(config), workload.labels),
  );
  let settings = mesh.proxy;
  for (const config of [plain(mesh.rootNamespace), plain(workload.namespace), selecting]) {
    if (config === undefined) continue;
    const { concurrency, environmentVariables } = config.spec;
    settings = { ...settings, concurrency: concurrency ?? settings.concurrency, environment: { ...settings.environment, ...environmentVariables } };
  }
  return settings;
}
