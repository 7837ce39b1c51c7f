import type { Origin, Problem } from '@meltemi/base';
import type { ConfigObject, MeshView } from './view.ts';

/** Kubernetes' group, version and kind as Kiali writes them. */
export interface GvkJson {
  readonly Group: string;
  readonly Version: string;
  readonly Kind: string;
}

/** A place in a file of the user. */
export interface PlaceJson {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface CheckJson {
  readonly code: string;
  readonly message: string;
  readonly severity: 'error' | 'warning' | 'unknown';
  /** `spec/http[0]/route[0]/weight`. */
  readonly path: string;
  /** Ours: where in the user's file. */
  readonly origin?: PlaceJson;
  /** Ours: what to do. */
  readonly fix?: string;
}

export interface ValidationJson {
  readonly name: string;
  readonly namespace: string;
  readonly cluster: string;
  readonly objectGVK: GvkJson;
  /** False when there is an error; warnings leave it valid. */
  readonly valid: boolean;
  readonly checks: readonly CheckJson[];
  /** Ours: where the object itself stands in the user's file. */
  readonly origin?: PlaceJson;
  readonly references: readonly { readonly objectGVK: GvkJson; readonly name: string; readonly namespace: string; readonly cluster: string }[];
}

/** By `group/version, Kind=kind`, then `name.namespace.cluster`. */
export type ValidationsJson = Record<string, Record<string, ValidationJson>>;

/** The key of a kind in Kiali's maps. */
export function gvkKey(one: Pick<ConfigObject, 'group' | 'version' | 'kind'>): string {
  return `${one.group}/${one.version}, Kind=${one.kind}`.replace(/^\//, '');
}

export function gvkJson(one: Pick<ConfigObject, 'group' | 'version' | 'kind'>): GvkJson {
  return { Group: one.group, Version: one.version, Kind: one.kind };
}

export function problemsOf(view: MeshView, kind: string, namespace: string, name: string): Problem[] {
  return view.problems.filter((one) => one.object?.kind === kind && one.object.namespace === namespace && one.object.name === name);
}

function placeJson(origin: Origin | undefined): { readonly origin?: PlaceJson } {
  if (origin?.file === undefined) return {};
  const { file, line, column } = origin;
  return { origin: { file, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) } };
}

function checkJson(problem: Problem): CheckJson {
  return {
    code: problem.code,
    message: problem.message,
    severity: problem.severity === 'info' ? 'unknown' : problem.severity,
    path: problem.path.replaceAll('.', '/'),
    ...placeJson(problem.origin),
    ...(problem.fix === undefined ? {} : { fix: problem.fix.text }),
  };
}

export function validationJson(view: MeshView, one: ConfigObject): ValidationJson {
  const problems = problemsOf(view, one.kind, one.namespace, one.name);
  return {
    name: one.name,
    namespace: one.namespace,
    cluster: view.clusterName,
    objectGVK: gvkJson(one),
    valid: problems.every((problem) => problem.severity !== 'error'),
    checks: problems.map(checkJson),
    references: [],
    ...placeJson(one.origin),
  };
}

/** The state of every object of some namespaces. */
export function validationsJson(view: MeshView, objects: readonly ConfigObject[]): ValidationsJson {
  const all: ValidationsJson = {};
  for (const one of objects) (all[gvkKey(one)] ??= {})[`${one.name}.${one.namespace}.${view.clusterName}`] = validationJson(view, one);
  return all;
}

/** How many objects, errors and warnings each namespace has. Problems of no object count for the namespace they name, if any. */
export function validationSummaries(
  view: MeshView,
  namespaces: readonly string[],
): { readonly cluster: string; readonly namespace: string; readonly errors: number; readonly warnings: number; readonly objectCount: number }[] {
  return namespaces.map((namespace) => {
    const problems = view.problems.filter((one) => one.object?.namespace === namespace);
    return {
      cluster: view.clusterName,
      namespace,
      errors: problems.filter((one) => one.severity === 'error').length,
      warnings: problems.filter((one) => one.severity === 'warning').length,
      objectCount: configOf(view, [namespace]).length,
    };
  });
}

/** The mesh's own configuration: not Namespaces, Services and accounts. */
export function configOf(view: MeshView, namespaces: readonly string[]): ConfigObject[] {
  return view.objects.filter((one) => one.group !== '' && namespaces.includes(one.namespace));
}

/** Kiali's list of configuration: objects by kind, with their validations. */
export function configListJson(view: MeshView, namespaces: readonly string[], kinds: readonly string[], validate: boolean): object {
  const objects = configOf(view, namespaces).filter(
    (one) => kinds.length === 0 || kinds.includes(one.kind.toLowerCase()) || kinds.includes(gvkKey(one).toLowerCase()),
  );
  const resources: Record<string, object[]> = {};
  for (const one of objects) (resources[gvkKey(one)] ??= []).push(one.resource);
  return { permissions: {}, resources, validations: validate ? validationsJson(view, objects) : {} };
}

/** Keys of objects that a service or workload refers to or is referred to by, as lists show them. */
export function referenceJson(
  view: MeshView,
  one: ConfigObject,
): { readonly objectGVK: GvkJson; readonly name: string; readonly namespace: string; readonly cluster: string } {
  return { objectGVK: gvkJson(one), name: one.name, namespace: one.namespace, cluster: view.clusterName };
}
