import { pushAll, type Origin } from '@meltemi/base';
import type { Config, Json, ObjectMeta } from '../config.ts';
import { apiVersionOf, type KindDefinition } from '../kind.ts';
import { KINDS } from '../kinds/index.ts';
import { KNOWN_UNSUPPORTED_KINDS } from '../kinds/known-unsupported.ts';
import { kindInGroup, kindOf, splitApiVersion } from '../kinds/lookup.ts';
import type { Path } from '../path.ts';
import { shapeOf } from '../schema/walk.ts';
import { errorAt, type ObjectFinding } from './finding.ts';
import { decodeMeta } from './metadata.ts';
import { show } from './messages.ts';
import { expiryFault } from '../ttl.ts';
import { decodeSpec } from './spec.ts';
import { nearest } from './suggest.ts';

export interface DecodedObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly config?: Config;
  readonly findings: readonly ObjectFinding[];
}

interface ObjectOptions {
  readonly origin: Origin;
  readonly defaultNamespace: string;
  readonly takeUnsupported?: boolean;
}

/** Decodes one parsed object. Never throws; everything that is wrong is in `findings`. */
export function decodeParsed(value: unknown, options: ObjectOptions): DecodedObject {
  if (!isMapping(value))
    return {
      kind: '',
      namespace: '',
      name: '',
      findings: [errorAt('MEL0102', [], `a document must be a mapping with apiVersion, kind and metadata, but is ${show(value)}`)],
    };
  const names = namesOf(value, options.defaultNamespace);
  const unreadable = findUnreadable(value, [], { left: MAX_VALUES });
  if (unreadable !== undefined) return { ...names, findings: [unreadable] };
  const object = withoutNulls(value) as Readonly<Record<string, unknown>>;
  const found = findKind(object);
  if (!('kind' in found)) return { ...names, findings: found.findings };
  const kind = found.kind;
  const meta = decodeMeta(kind, object['metadata'], options.defaultNamespace);
  const findings = [...topLevelFindings(kind, object), ...meta.findings, ...expiryFindings(kind, meta.meta)];
  const context = { name: names.name, namespace: names.namespace };
  const { body, root } = bodyOf(kind, object);
  if (body === undefined && !kind.specOptional) return { ...names, findings: [...findings, errorAt('IST0106', ['spec'], 'is required')] };
  const decoded = decodeSpec(options.takeUnsupported === true ? { ...kind, unsupported: {} } : kind, body ?? {}, root, context);
  pushAll(findings, decoded.findings);
  if (meta.meta === undefined || findings.some((finding) => finding.severity === 'error')) return { ...names, findings };
  const { apiVersion, status } = object;
  const config: Config = {
    kind: kind.tag,
    apiVersion: String(apiVersion),
    meta: meta.meta,
    spec: decoded.spec,
    ...statusOf(status),
    origin: options.origin,
  };
  return { kind: config.kind, namespace: config.meta.namespace, name: config.meta.name, config, findings };
}

function statusOf(status: unknown): Pick<Config, 'status'> {
  return status === undefined ? {} : { status: status as Json };
}

function expiryFindings(kind: KindDefinition, meta: ObjectMeta | undefined): readonly ObjectFinding[] {
  const fault = meta === undefined ? undefined : expiryFault(kind.tag, meta);
  return fault === undefined ? [] : [errorAt('IST0106', ['metadata', 'annotations', fault.annotation], fault.message)];
}

/** Names for messages, as far as the object has them. */
function namesOf(
  value: Readonly<Record<string, unknown>>,
  defaultNamespace: string,
): { readonly kind: string; readonly namespace: string; readonly name: string } {
  const meta = isMapping(value['metadata']) ? value['metadata'] : {};
  const cluster = KINDS.some((kind) => kind.scope === 'Cluster' && kind.id.kind === value['kind']);
  const namespace = typeof meta['namespace'] === 'string' && meta['namespace'] !== '' ? meta['namespace'] : defaultNamespace;
  return {
    kind: typeof value['kind'] === 'string' ? value['kind'] : '',
    namespace: cluster ? '' : namespace,
    name: typeof meta['name'] === 'string' ? meta['name'] : '',
  };
}

function findKind(object: Readonly<Record<string, unknown>>): { readonly kind: KindDefinition } | { readonly findings: readonly ObjectFinding[] } {
  const { apiVersion, kind } = object;
  const findings: ObjectFinding[] = [];
  for (const [key, value] of Object.entries({ apiVersion, kind })) {
    if (value === undefined) findings.push(errorAt('MEL0102', [key], 'is required'));
    else if (typeof value !== 'string') findings.push(errorAt('MEL0102', [key], `must be text, but is ${show(value)}`));
  }
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return { findings };
  const definition = kindOf(apiVersion, kind);
  return definition === undefined ? { findings: [unknownKind(apiVersion, kind)] } : { kind: definition };
}

function unknownKind(apiVersion: string, kind: string): ObjectFinding {
  const { group, version } = splitApiVersion(apiVersion);
  const served = kindInGroup(group, kind);
  if (served !== undefined) {
    return errorAt(
      'MEL0103',
      ['apiVersion'],
      `${kind} has no version "${version}"; it has ${served.id.versions.join(', ')}`,
      `Write apiVersion: ${apiVersionOf(served.id)}.`,
    );
  }
  const reason = KNOWN_UNSUPPORTED_KINDS[`${group}/${kind}`];
  if (reason !== undefined) return errorAt('MEL0103', ['kind'], `${kind}: ${reason}`);
  const elsewhere = KINDS.find((known) => known.id.kind === kind);
  if (elsewhere !== undefined)
    return errorAt('MEL0103', ['apiVersion'], `there is no ${kind} in "${apiVersion}"`, `Write apiVersion: ${apiVersionOf(elsewhere.id)}.`);
  const other = Object.entries(KNOWN_UNSUPPORTED_KINDS).find(([id]) => id.endsWith(`/${kind}`));
  if (other !== undefined) return errorAt('MEL0103', ['kind'], `${kind}: ${other[1]}`);
  const near = nearest(
    kind,
    KINDS.map((known) => known.id.kind),
  );
  const ofGroup = KINDS.filter((known) => known.id.group === group && group !== '').map((known) => known.id.kind);
  return errorAt(
    'MEL0103',
    ['kind'],
    `"${kind}" of ${apiVersion} is not a kind that Meltemi knows${near !== undefined || ofGroup.length === 0 ? '' : `; of this group it supports ${ofGroup.join(', ')}`}`,
    near === undefined ? undefined : `Did you mean ${near}?`,
  );
}

const TOP_LEVEL = ['apiVersion', 'kind', 'metadata', 'status'];

function bodyOf(kind: KindDefinition, object: Readonly<Record<string, unknown>>): { readonly body: unknown; readonly root: Path } {
  if (kind.body === 'spec') return { body: object['spec'], root: ['spec'] };
  return { body: Object.fromEntries(Object.entries(object).filter(([key]) => !TOP_LEVEL.includes(key))), root: [] };
}

function topLevelFindings(kind: KindDefinition, object: Readonly<Record<string, unknown>>): ObjectFinding[] {
  if (kind.body === 'root') return [];
  const fields = Object.keys(shapeOf(kind.schema) ?? {});
  return Object.keys(object)
    .filter((key) => key !== 'spec' && !TOP_LEVEL.includes(key))
    .map((key) => {
      if (fields.includes(key))
        return { ...errorAt('MEL0104', [key], `"${key}" belongs under spec`, 'Indent it below "spec:".'), atKey: true as const };
      const near = nearest(key, [...TOP_LEVEL, 'spec']);
      return {
        ...errorAt('MEL0104', [key], `an object has no field "${key}"`, near === undefined ? undefined : `Did you mean "${near}"?`),
        atKey: true as const,
      };
    });
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `null` means "not set", as in protobuf JSON and Kubernetes; in a list it stays, to be refused there. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)] as const])));
}

const HALF_CHARACTER = 'holds half of a character (a lone surrogate, as "\\ud800"), which is no text';
const MAX_DEPTH = 64;
/** Some ten thousand endpoints with their labels. */
const MAX_VALUES = 100_000;

/**
 * A key that would reach for the prototype of an object (JSON and YAML can both write it), nesting so deep or values so many that it is an
 * attack on the control plane rather than configuration, or text that UTF-8 cannot write: a proxy would refuse the whole message that it stands in.
 */
function findUnreadable(value: unknown, path: Path, budget: { left: number }): ObjectFinding | undefined {
  if (budget.left-- <= 0) return errorAt('MEL0107', [], `an object holds more than ${MAX_VALUES} values; write several`);
  if (typeof value === 'string') return value.isWellFormed() ? undefined : errorAt('MEL0102', path, HALF_CHARACTER);
  if (typeof value !== 'object' || value === null) return undefined;
  if (path.length >= MAX_DEPTH) return errorAt('MEL0107', path.slice(0, 8), `is nested deeper than ${MAX_DEPTH} levels`);
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (!key.isWellFormed()) return errorAt('MEL0102', path, `a key ${HALF_CHARACTER}`);
    if (key === '__proto__') return errorAt('MEL0104', at, '"__proto__" cannot be a key');
    const found = findUnreadable(inner, at, budget);
    if (found !== undefined) return found;
  }
  return undefined;
}
