import { join } from 'node:path';
import { decodeYaml, type Config } from '@meltemi/api';
import { MeshError, formatProblem } from '@meltemi/base';
import { createClient } from '../client/control-plane-client.ts';
import { decodeInputs, readInputs } from '../client/inputs.ts';
import { listObjects, resolveKind } from '../client/objects.ts';
import { applyOne } from '../commands/apply.ts';
import { resource } from '../resources.ts';
import type { DemoControlPlane } from './demo-control-plane.ts';

/** Namespace of the demo's gateway, as in Istio. */
export const GATEWAY_NAMESPACE = 'istio-system';

/** Applies Bookinfo's services, gateway and subsets; an object that is there already (a kept state directory) stays as the user left it. */
export async function seed(controlPlane: DemoControlPlane, { gatewayPort }: { readonly gatewayPort: number }): Promise<void> {
  const client = createClient(controlPlane.url, controlPlane.token);
  const files = ['services.yaml', 'gateway.yaml', 'destination-rules.yaml'].map((name) => join(resource('samples'), 'bookinfo', name));
  const samples = decodeInputs(await readInputs(files), 'bookinfo');
  const wrong = samples.problems.find((problem) => problem.severity === 'error');
  if (wrong !== undefined) throw new MeshError('demo/samples', `the samples of this installation are damaged: ${formatProblem(wrong)}`);
  const known = new Set<string>();
  for (const kind of new Set(samples.configs.map((config) => config.kind))) {
    for (const object of await listObjects(client, resolveKind(kind))) known.add(`${kind} ${nameOf(object['metadata'])}`);
  }
  // The gateway's own Service follows the port that was chosen now.
  const own = decodeYaml(gatewayService(gatewayPort), { file: 'demo' }).configs;
  const missing = samples.configs.filter((config) => !known.has(`${config.kind} ${config.meta.namespace}/${config.meta.name}`));
  for (const config of [...own, ...inOrder(missing)]) await applyOne(client, config);
}

function inOrder(configs: readonly Config[]): readonly Config[] {
  return configs.toSorted((a, b) => Number(a.kind !== 'Namespace') - Number(b.kind !== 'Namespace'));
}

function nameOf(meta: unknown): string {
  const { namespace, name } = meta as { readonly namespace?: string; readonly name?: string };
  return `${namespace ?? ''}/${name ?? ''}`;
}

/** Ports 80 and 8080 of a Gateway object are the demo's gateway port on this machine. */
function gatewayService(port: number): string {
  return `
apiVersion: v1
kind: Namespace
metadata: { name: ${GATEWAY_NAMESPACE} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: istio-ingressgateway, namespace: ${GATEWAY_NAMESPACE} }
---
apiVersion: v1
kind: Service
metadata:
  name: istio-ingressgateway
  namespace: ${GATEWAY_NAMESPACE}
  labels: { app: istio-ingressgateway, istio: ingressgateway }
spec:
  selector: { istio: ingressgateway }
  ports:
    - { name: http2, port: 80, targetPort: ${port} }
    - { name: http-alt, port: 8080, targetPort: ${port} }
`;
}
