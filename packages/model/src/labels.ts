import type { Labels } from './types/service.ts';

/** Every pair of `selector` is in `labels`. An empty selector matches everything (callers decide what it means to them). */
export function labelsMatch(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}

/** Istio's canonical service name of a workload: an explicit label, then `app.kubernetes.io/name`, then `app`, then the workload's name. */
export function canonicalName(labels: Labels, workload: string): string {
  return labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workload;
}

/** Istio's canonical revision: an explicit label, then `app.kubernetes.io/version`, then `version`, then `latest`. */
export function canonicalRevision(labels: Labels): string {
  return labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest';
}
