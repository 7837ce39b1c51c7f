import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { environment } from '../../schema/environment.ts';
import { count, opt, workloadSelectorMatchLabels } from '../../schema/fields.ts';

const proxyConfigSchema = z.strictObject({
  selector: opt(workloadSelectorMatchLabels, 'Workloads this is for; left out: all of the namespace, or of the mesh in the root namespace.'),
  concurrency: opt(count, 'Threads of the proxy; 0: one for each processor.'),
  environmentVariables: opt(environment, 'Environment variables of the proxy.'),
  image: opt(z.strictObject({ imageType: opt(z.string(), 'Kind of image.') }), 'Image of the proxy.'),
});

/** Spec of a ProxyConfig: how proxies are started. */
export type ProxyConfig = DeepReadonly<z.output<typeof proxyConfigSchema>>;

/** The kind ProxyConfig. */
export const proxyConfigKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1beta1', 'v1', 'v1alpha3'], kind: 'ProxyConfig' },
  plural: 'proxyconfigs',
  schema: proxyConfigSchema,
  specOptional: true,
  unsupported: { image: 'proxies are no images here' },
  docs: 'How proxies are started. A change counts for workloads that start after it.',
});
