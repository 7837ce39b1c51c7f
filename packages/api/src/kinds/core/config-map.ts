import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { base64Text } from '../../schema/base64.ts';
import { opt, text } from '../../schema/fields.ts';
import { meshConfigFindings } from '../mesh/decode-mesh-config.ts';
import { dataKey } from './secret.ts';

/** Name of the ConfigMap whose key `mesh` holds the settings of the mesh, in the root namespace. */
export const MESH_CONFIG_MAP = 'istio';

const base64Value = text((value) => (base64Text(value) === undefined ? 'is not base64' : undefined));
const configMapSchema = z.strictObject({
  data: opt(z.record(dataKey, z.string()), 'Values as text.'),
  binaryData: opt(z.record(dataKey, base64Value), 'Values in base64.'),
  immutable: opt(z.boolean(), 'For Kubernetes.'),
});

/** The fields of a ConfigMap, which stand beside `metadata`. */
export type ConfigMap = DeepReadonly<z.output<typeof configMapSchema>>;

/** The kind ConfigMap. */
export const configMapKind = defineKind({
  gvk: { group: '', versions: ['v1'], kind: 'ConfigMap' },
  plural: 'configmaps',
  shortNames: ['cm'],
  schema: configMapSchema,
  body: 'root',
  specOptional: true,
  unsupported: { 'immutable!=false': 'objects can always be replaced here' },
  validate: (spec, { name }) => (name === MESH_CONFIG_MAP ? meshConfigFindings(spec.data ?? {}) : []),
  docs: 'Texts by key. The ConfigMap istio of the root namespace holds the settings of the mesh (MeshConfig) under the key mesh; others may hold CA certificates (ca.crt).',
});
