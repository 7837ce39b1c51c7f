import type { ObjectMeta } from '../config.ts';
import type { KindDefinition } from '../kind.ts';
import { toPath, valueAt } from '../path.ts';
import { dnsLabelFault, dnsSubdomainFault } from '../schema/formats.ts';
import { metadataSchema, type RawMetadata } from '../schema/metadata.ts';
import { errorAt, type ObjectFinding } from './finding.ts';
import { issueText } from './messages.ts';
import { nearest } from './suggest.ts';

export interface DecodedMeta {
  readonly meta?: ObjectMeta;
  readonly findings: readonly ObjectFinding[];
}

/** Decodes `metadata`. Without a kind (unknown kind), names are not checked. */
export function decodeMeta(kind: KindDefinition, value: unknown, defaultNamespace: string): DecodedMeta {
  if (value === undefined) return { findings: [errorAt('MEL0102', ['metadata'], 'is required: an object needs metadata.name')] };
  const parsed = metadataSchema.safeParse(value);
  if (!parsed.success) return { findings: parsed.error.issues.flatMap((issue) => metadataFindings(issue, value)) };
  const findings = nameFindings(kind, parsed.data);
  if (findings.length > 0) return { findings };
  return { meta: toMeta(kind, parsed.data, defaultNamespace), findings };
}

type Issue = NonNullable<ReturnType<typeof metadataSchema.safeParse>['error']>['issues'][number];

function metadataFindings(issue: Issue, value: unknown): ObjectFinding[] {
  const path = ['metadata', ...toPath(issue.path)];
  if (issue.code !== 'unrecognized_keys') {
    const { message, fix } = issueText(issue, valueAt({ metadata: value }, path), undefined);
    return [errorAt('IST0106', path, message, fix)];
  }
  return issue.keys.map((key) => {
    const near = nearest(key, Object.keys(metadataSchema.shape));
    const finding = errorAt('MEL0104', [...path, key], `metadata has no field "${key}"`, near === undefined ? undefined : `Did you mean "${near}"?`);
    return { ...finding, atKey: true as const };
  });
}

function nameFindings(kind: KindDefinition, meta: RawMetadata): ObjectFinding[] {
  const findings: ObjectFinding[] = [];
  if (meta.name === undefined) {
    const generated = meta.generateName !== undefined;
    findings.push(
      errorAt('MEL0102', ['metadata', 'name'], generated ? 'not supported yet by Meltemi: generateName; write metadata.name' : 'is required'),
    );
  } else {
    const fault = kind.names === 'label' ? dnsLabelFault(meta.name) : dnsSubdomainFault(meta.name);
    if (fault !== undefined) findings.push(errorAt('IST0106', ['metadata', 'name'], fault));
  }
  if (meta.namespace !== undefined && meta.namespace !== '') {
    const fault = dnsLabelFault(meta.namespace);
    if (kind.scope === 'Cluster')
      findings.push(errorAt('IST0106', ['metadata', 'namespace'], `a ${kind.id.kind} stands in no namespace`, 'Remove metadata.namespace.'));
    else if (fault !== undefined) findings.push(errorAt('IST0106', ['metadata', 'namespace'], fault));
  }
  return findings;
}

function toMeta(kind: KindDefinition, raw: RawMetadata, defaultNamespace: string): ObjectMeta {
  // deletionGracePeriodSeconds and generateName belong to requests, not to the object.
  const { name, namespace, labels, annotations, generateName: _generated, deletionGracePeriodSeconds: _grace, ...server } = raw;
  return {
    name: name ?? '',
    namespace: kind.scope === 'Cluster' ? '' : namespace === undefined || namespace === '' ? defaultNamespace : namespace,
    labels: labels ?? {},
    annotations: annotations ?? {},
    ...server,
  };
}
