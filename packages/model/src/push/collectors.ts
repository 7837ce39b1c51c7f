import type { Collector, LogProvider, MeshTelemetry } from '../types/mesh-telemetry.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import type { Service } from '../types/service.ts';
import type { PushContext } from './push-context.ts';
import { isVisibleIn, visibilityOf } from './visibility.ts';

/** All collectors that a mesh speaks of. */
export function collectorsOf({ telemetry }: Pick<MeshConfig, 'telemetry'>): readonly Collector[] {
  const { logs = [], accessLogService, spans } = telemetry;
  const all = [...logs.map((log) => (log.t === 'file' ? undefined : log.collector)), accessLogService, spans?.collector];
  return all.filter((collector) => collector !== undefined);
}

// A memo of a pure function: the same mesh with the same services missing is the same object.
const memo = new WeakMap<MeshConfig, Map<string, MeshConfig>>();

/**
 * The mesh without the collectors whose service is not there: a proxy refuses what speaks of a cluster that it does not have. An address
 * that is that of a service of the mesh becomes the service.
 */
export function withKnownCollectors(mesh: MeshConfig, services: readonly Service[]): MeshConfig {
  const collectors = collectorsOf(mesh);
  if (collectors.length === 0) return mesh;
  const found = new Map(collectors.map((collector) => [collector, place(collector, mesh, services)] as const));
  const key = collectors.map((collector) => keyOf(found.get(collector))).join(' ');
  let known = memo.get(mesh);
  if (known === undefined) memo.set(mesh, (known = new Map()));
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = { ...mesh, telemetry: placed(mesh.telemetry, (collector) => found.get(collector)) };
  known.set(key, made);
  return made;
}

function keyOf(collector: Collector | undefined): string {
  return collector === undefined ? '' : `${collector.namespace ?? ''}/${collector.cluster}`;
}

function place(collector: Collector, { domainSuffix, rootNamespace }: MeshConfig, services: readonly Service[]): Collector | undefined {
  const { namespace, host, port, byAddress } = collector;
  const names = byAddress ? [host, `${host}.svc.${domainSuffix}`, `${host}.${domainSuffix}`] : [host];
  const fitting = services.filter(
    (service) =>
      names.includes(service.hostname) &&
      (namespace === undefined || namespace === service.namespace) &&
      service.ports.some(({ number }) => number === port),
  );
  // A name alone must not lead everybody's logs to what some namespace calls so for itself only, where there is one for all.
  const service = fitting.find((one) => isVisibleIn(visibilityOf(one.exportTo, one.namespace), rootNamespace)) ?? fitting[0];
  if (service === undefined) return byAddress ? collector : undefined;
  return { namespace: service.namespace, host: service.hostname, port, cluster: `outbound|${port}||${service.hostname}`, byAddress: false };
}

function placed({ logs, accessLogService, spans, ...rest }: MeshTelemetry, find: (collector: Collector) => Collector | undefined): MeshTelemetry {
  const own = accessLogService === undefined ? undefined : find(accessLogService);
  const collector = spans === undefined ? undefined : find(spans.collector);
  return {
    ...rest,
    logs: logs?.flatMap((log): readonly LogProvider[] => {
      if (log.t === 'file') return [log];
      const at = find(log.collector);
      return at === undefined ? [] : [{ ...log, collector: at }];
    }),
    accessLogService: own,
    spans: spans === undefined || collector === undefined ? undefined : { ...spans, collector },
  };
}

const NONE: readonly Service[] = [];
const found = new WeakMap<MeshConfig, WeakMap<PushContext['services'], readonly Service[]>>();

/** The services that every proxy calls with its logs and spans, whatever its scope. */
export function collectorServices({ mesh, services }: Pick<PushContext, 'mesh' | 'services'>): readonly Service[] {
  const collectors = collectorsOf(mesh).filter(({ byAddress }) => !byAddress);
  if (collectors.length === 0) return NONE;
  let byTable = found.get(mesh);
  if (byTable === undefined) found.set(mesh, (byTable = new WeakMap()));
  let list = byTable.get(services);
  if (list === undefined) {
    const names = new Set(collectors.map(({ namespace = '', host }) => `${namespace}/${host}`));
    byTable.set(services, (list = services.all.filter(({ namespace, hostname }) => names.has(`${namespace}/${hostname}`))));
  }
  return list;
}
