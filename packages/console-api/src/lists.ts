import { hostNames, routesService, type NamespaceTraffic } from '@meltemi/telemetry';
import { appHealthJson, appsOf, serviceHealthJson, workloadHealthJson } from './health.ts';
import { configOf, problemsOf, referenceJson } from './validations.ts';
import type { ConfigObject, MeshView, ServiceView, WorkloadView } from './view.ts';

/** VirtualServices, DestinationRules and ServiceEntries that speak of a service. */
export function objectsOnService(view: MeshView, service: ServiceView): ConfigObject[] {
  const name = { cluster: view.clusterName, namespace: service.namespace, name: service.name };
  return view.objects.filter((one) => {
    const spec: { host?: string } = one.spec;
    if (one.kind === 'DestinationRule') return hostNames(spec.host, one.namespace, name) || spec.host === service.hostname;
    if (one.kind === 'ServiceEntry') return service.serviceEntry?.name === one.name && one.namespace === service.namespace;
    return one.kind === 'VirtualService' && routesService({ meta: { name: one.name, namespace: one.namespace }, spec: one.spec }, name);
  });
}

/** Policies whose selector names a workload, and Gateways it serves. */
export function objectsOnWorkload(view: MeshView, workload: WorkloadView): ConfigObject[] {
  return configOf(view, [workload.namespace]).filter((one) => {
    const spec: {
      selector?: { matchLabels?: Readonly<Record<string, string>> } & Readonly<Record<string, unknown>>;
      workloadSelector?: { labels?: Readonly<Record<string, string>> };
    } = one.spec;
    const labels = one.kind === 'Gateway' ? spec.selector : (spec.selector?.matchLabels ?? spec.workloadSelector?.labels);
    const wanted = Object.entries(labels ?? {});
    return wanted.length > 0 && wanted.every(([key, value]) => workload.labels[key] === value);
  });
}

function servicesOf(view: MeshView, workloads: readonly WorkloadView[]): ServiceView[] {
  return view.services.filter((service) => workloads.some((one) => one.namespace === service.namespace && service.workloads.includes(one.name)));
}

function sharedLabels(workloads: readonly WorkloadView[]): Record<string, string> {
  const values = new Map<string, Set<string>>();
  for (const one of workloads) for (const [key, value] of Object.entries(one.labels)) values.set(key, (values.get(key) ?? new Set()).add(value));
  return Object.fromEntries([...values].map(([key, set]) => [key, [...set].toSorted().join(',')]));
}

export function appsJson(view: MeshView, traffic: NamespaceTraffic, namespaces: readonly string[]): object {
  const applications = namespaces.flatMap((namespace) =>
    [...appsOf(view, namespace)].map(([name, workloads]) => ({
      name,
      namespace,
      cluster: view.clusterName,
      istioSidecar: workloads.every((one) => one.hasSidecar),
      isAmbient: false,
      isGateway: workloads.some((one) => one.gateway !== undefined),
      isWaypoint: false,
      labels: sharedLabels(workloads),
      istioReferences: references(view, [
        ...servicesOf(view, workloads).flatMap((one) => objectsOnService(view, one)),
        ...workloads.flatMap((one) => objectsOnWorkload(view, one)),
      ]),
      health: appHealthJson(traffic, namespace, name, workloads),
    })),
  );
  return { cluster: view.clusterName, applications };
}

function references(view: MeshView, objects: readonly ConfigObject[]): object[] {
  return [...new Set(objects)].map((one) => referenceJson(view, one));
}

export function serviceItemJson(view: MeshView, traffic: NamespaceTraffic, one: ServiceView): object {
  const workloads = view.workloads.filter((w) => w.namespace === one.namespace && one.workloads.includes(w.name));
  const wizard = objectsOnService(view, one).find((object) => object.kind === 'VirtualService');
  const metadata: { metadata?: { labels?: Readonly<Record<string, string>> } } = wizard?.resource ?? {};
  return {
    name: one.name,
    namespace: one.namespace,
    cluster: view.clusterName,
    istioSidecar: workloads.every((w) => w.hasSidecar),
    isAmbient: false,
    appLabel: one.selector['app'] !== undefined || one.labels['app'] !== undefined,
    labels: one.labels,
    selector: one.selector,
    ports: Object.fromEntries(one.ports.map((port) => [port.name, port.port])),
    healthAnnotations: {},
    istioReferences: references(view, objectsOnService(view, one)),
    kialiWizard: metadata.metadata?.labels?.['kiali_wizard'] ?? '',
    serviceRegistry: one.registry,
    health: serviceHealthJson(traffic, one.namespace, one.name, one.annotations),
  };
}

export function servicesJson(view: MeshView, traffic: NamespaceTraffic, namespaces: readonly string[]): object {
  const services = view.services.filter((one) => namespaces.includes(one.namespace));
  const validations = Object.fromEntries(
    services.map((one) => {
      const problems = [
        ...problemsOf(view, 'Service', one.namespace, one.name),
        ...objectsOnService(view, one).flatMap((object) => problemsOf(view, object.kind, object.namespace, object.name)),
      ];
      return [
        `${one.name}.${one.namespace}.${view.clusterName}`,
        {
          name: one.name,
          namespace: one.namespace,
          cluster: view.clusterName,
          objectGVK: { Group: '', Version: 'v1', Kind: 'Service' },
          valid: problems.every((p) => p.severity !== 'error'),
          checks: problems.map((p) => ({
            code: p.code,
            message: p.message,
            severity: p.severity === 'info' ? 'unknown' : p.severity,
            path: p.path.replaceAll('.', '/'),
          })),
          references: [],
        },
      ];
    }),
  );
  return { cluster: view.clusterName, services: services.map((one) => serviceItemJson(view, traffic, one)), validations: { service: validations } };
}

export function workloadItemJson(view: MeshView, traffic: NamespaceTraffic, one: WorkloadView): object {
  return {
    name: one.name,
    namespace: one.namespace,
    cluster: view.clusterName,
    gvk: { Group: one.kind === 'Deployment' ? 'apps' : 'meltemi.io', Version: 'v1', Kind: one.kind },
    type: one.kind,
    createdAt: one.createdAt,
    resourceVersion: one.resourceVersion,
    istioSidecar: one.hasSidecar,
    isAmbient: false,
    isGateway: one.gateway !== undefined,
    isWaypoint: false,
    isZtunnel: false,
    labels: one.labels,
    appLabel: one.labels['app'] !== undefined,
    versionLabel: one.labels['version'] !== undefined,
    podCount: one.instances.length,
    serviceAccountNames: [one.serviceAccount],
    healthAnnotations: {},
    dashboardAnnotations: {},
    istioReferences: references(view, objectsOnWorkload(view, one)),
    health: workloadHealthJson(traffic, one),
  };
}

export function workloadsJson(view: MeshView, traffic: NamespaceTraffic, namespaces: readonly string[]): object {
  return {
    cluster: view.clusterName,
    workloads: view.workloads.filter((one) => namespaces.includes(one.namespace)).map((one) => workloadItemJson(view, traffic, one)),
    validations: {},
  };
}
