import { MeshError } from '@meltemi/base';
import type { ControlPlaneClient } from '../client/control-plane-client.ts';
import { field, isObject, text, type Json } from '../proxy-config/config-dump.ts';
import type { Workload } from './wrap-workload.ts';

/**
 * Others call a workload by a Service that selects it. Where there is none, one named after the label `app` is made; one of that name that
 * selects others is left alone. Returns what to tell the user, if anything.
 */
export async function ensureService(client: ControlPlaneClient, workload: Workload): Promise<string | undefined> {
  const { identity, appPorts } = workload;
  if (workload.type !== 'sidecar' || appPorts.length === 0) return undefined;
  const { namespace, app, labels } = identity;
  const { items: services = [] } = await client.request<{ readonly items?: readonly Json[] }>('GET', pathOf(namespace));
  if (services.some((service) => selects(service, labels))) return undefined;
  if (services.some((service) => text(field(field(service, 'metadata'), 'name')) === app))
    return `the Service ${app} does not select ${identity.workload}, so nobody calls it: its labels are ${JSON.stringify(labels)}`;
  await applyService(client, workload);
  return `made the Service ${app} in namespace ${namespace}: none selected ${identity.workload}`;
}

function selects(service: Json, labels: Readonly<Record<string, string>>): boolean {
  const selector = field(field(service, 'spec'), 'selector');
  const wanted = isObject(selector) ? Object.entries(selector) : [];
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === text(value));
}

async function applyService(client: ControlPlaneClient, { identity, appPorts }: Workload): Promise<void> {
  const { namespace, app } = identity;
  const object = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app, namespace, labels: { app } },
    spec: { selector: { app }, ports: appPorts.map(({ number, protocol }) => ({ name: `${protocol}-${number}`, port: number })) },
  };
  try {
    const path = `${pathOf(namespace)}/${encodeURIComponent(app)}?fieldManager=meltemi&force=true`;
    await client.request('PATCH', path, { body: JSON.stringify(object), contentType: 'application/apply-patch+yaml' });
  } catch (error) {
    throw new MeshError('cli/service', `no Service can be made for ${app}: ${MeshError.from(error, 'cli/unexpected').message}. Apply one yourself.`);
  }
}

function pathOf(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`;
}
