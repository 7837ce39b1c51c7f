import type { NamespaceTraffic } from '@meltemi/telemetry';
import { appHealthJson, appsOf, serviceHealthJson, workloadHealthJson } from './health.ts';
import { objectsOnService, objectsOnWorkload, serviceItemJson, workloadItemJson } from './lists.ts';
import { namespaceTlsJson } from './tls.ts';
import { validationsJson } from './validations.ts';
import type { ConfigObject, MeshView, ServiceView, WorkloadView } from './view.ts';

/** An application and its workloads and services; undefined when there is none of that name. */
export function appDetailsJson(view: MeshView, traffic: NamespaceTraffic, namespace: string, app: string): object | undefined {
  const workloads = appsOf(view, namespace).get(app);
  if (workloads === undefined) return undefined;
  const services = view.services.filter((one) => one.namespace === namespace && one.workloads.some((name) => workloads.some((w) => w.name === name)));
  return {
    name: app,
    namespace: { name: namespace, cluster: view.clusterName },
    cluster: view.clusterName,
    isAmbient: false,
    workloads: workloads.map((one) => ({
      workloadName: one.name,
      namespace,
      istioSidecar: one.hasSidecar,
      isAmbient: false,
      isGateway: one.gateway !== undefined,
      labels: one.labels,
      serviceAccountNames: [one.serviceAccount],
      cluster: view.clusterName,
    })),
    serviceNames: services.map((one) => one.name),
    runtimes: [],
    health: appHealthJson(traffic, namespace, app, workloads),
  };
}

function resources(objects: readonly ConfigObject[], kind: string): object[] {
  return objects.filter((one) => one.kind === kind).map((one) => one.resource);
}

export function serviceDetailsJson(view: MeshView, traffic: NamespaceTraffic, namespace: string, name: string): object | undefined {
  const one = view.services.find((service) => service.namespace === namespace && service.name === name);
  if (one === undefined) return undefined;
  const workloads = view.workloads.filter((w) => w.namespace === namespace && one.workloads.includes(w.name));
  const objects = objectsOnService(view, one);
  return {
    service: serviceJson(view, one),
    endpoints: [
      {
        addresses: one.endpoints.map((e) => ({
          kind: 'Pod',
          name: e.instance,
          workload: e.workload,
          ip: e.address,
          port: e.port,
          istioProtocol: portProtocol(one, e.portName),
          tlsMode: '',
        })),
        ports: one.ports.map((p) => ({ name: p.name, port: p.port, protocol: 'TCP', appProtocol: p.protocol })),
      },
    ],
    istioSidecar: workloads.every((w) => w.hasSidecar),
    isAmbient: false,
    virtualServices: resources(objects, 'VirtualService'),
    destinationRules: resources(objects, 'DestinationRule'),
    serviceEntries: resources(objects, 'ServiceEntry'),
    workloads: workloads.map((w) => workloadItemJson(view, traffic, w)),
    subServices: [serviceItemJson(view, traffic, one)],
    istioPermissions: { create: true, update: true, delete: true },
    health: serviceHealthJson(traffic, namespace, name, one.annotations),
    validations: validationsJson(view, objects),
    namespaceMTLS: namespaceTlsJson(view, namespace),
    cluster: view.clusterName,
  };
}

function portProtocol(service: ServiceView, name: string): string {
  return service.ports.find((port) => port.name === name)?.protocol ?? '';
}

function serviceJson(view: MeshView, one: ServiceView): object {
  return {
    name: one.name,
    namespace: one.namespace,
    cluster: view.clusterName,
    hostnames: [one.hostname],
    labels: one.labels,
    annotations: one.annotations,
    selectors: one.selector,
    type: one.type,
    ip: one.ips[0] ?? '',
    ips: one.ips,
    externalName: '',
    createdAt: one.createdAt,
    resourceVersion: one.resourceVersion,
    ports: one.ports.map((port) => ({
      name: port.name,
      port: port.port,
      protocol: 'TCP',
      appProtocol: port.protocol,
      istioProtocol: port.protocol,
      targetPort: port.targetPort,
    })),
  };
}

export function workloadDetailsJson(view: MeshView, traffic: NamespaceTraffic, namespace: string, name: string): object | undefined {
  const one = view.workloads.find((workload) => workload.namespace === namespace && workload.name === name);
  if (one === undefined) return undefined;
  const services = view.services.filter((service) => service.namespace === namespace && service.workloads.includes(name));
  const objects = objectsOnWorkload(view, one);
  return {
    ...workloadItemJson(view, traffic, one),
    annotations: one.annotations,
    desiredReplicas: one.desiredReplicas,
    currentReplicas: one.instances.length,
    availableReplicas: one.instances.filter((instance) => instance.isReady).length,
    pods: podsJson(one),
    services: services.map((service) => serviceItemJson(view, traffic, service)),
    runtimes: [],
    additionalDetails: [],
    validations: validationsJson(view, objects),
    workloadEntries: one.workloadEntries,
    spiffeIdentity: one.principal,
    health: workloadHealthJson(traffic, one),
  };
}

function podsJson(one: WorkloadView): object[] {
  return one.instances.map((instance) => ({
    name: instance.name,
    labels: one.labels,
    createdAt: instance.createdAt,
    createdBy: [{ name: one.name, kind: one.kind }],
    status: instance.isReady ? 'Running' : 'Pending',
    ip: instance.address,
    appLabel: one.labels['app'] !== undefined,
    versionLabel: one.labels['version'] !== undefined,
    annotations: {},
    containers: [{ name: one.app || one.name, image: '', isProxy: false, isReady: instance.isReady }],
    istioContainers:
      instance.dataPlane === undefined
        ? []
        : [{ name: 'istio-proxy', image: instance.dataPlane, isProxy: true, isReady: instance.isSynced ?? false }],
    istioInitContainers: [],
    serviceAccountName: one.serviceAccount,
    proxyStatus:
      instance.isSynced === undefined
        ? null
        : Object.fromEntries(['CDS', 'EDS', 'LDS', 'RDS'].map((type) => [type, instance.isSynced === true ? 'Synced' : 'Stale'])),
  }));
}
