import { parsePath, toPublicObject, type Config, type KindDefinition } from '@meltemi/api';

/** Whether a client asks for Kubernetes' `Table` (kubectl get does). */
export function wantsTable(accept: string | undefined): boolean {
  return /as=Table/.test(accept ?? '') && /g=meta\.k8s\.io/.test(accept ?? '');
}

/** Objects as a `Table`: name, the columns of the kind, age. */
export function tableOf(
  kind: KindDefinition,
  configs: readonly Config[],
  options: { readonly resourceVersion: string; readonly now: number },
): unknown {
  const column = (name: string, type = 'string'): unknown => ({ name, type, format: '', description: '', priority: 0 });
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: options.resourceVersion },
    columnDefinitions: [column('Name'), ...kind.columns.map(({ name }) => column(name)), column('Age')],
    rows: configs.map((config) => ({
      cells: [
        config.meta.name,
        ...kind.columns.map(({ path }) => cell(valueAt(toPublicObject(config), path))),
        age(config.meta.creationTimestamp, options.now),
      ],
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: toPublicObject(config)['metadata'] },
    })),
  };
}

function valueAt(value: unknown, path: string): unknown {
  let at = value;
  for (const part of parsePath(path)) at = (at as Readonly<Record<string, unknown>> | undefined)?.[part];
  return at;
}

function cell(value: unknown): string {
  if (Array.isArray(value)) return value.map(cell).join(',');
  // Ports of a Service: what a reader looks for is the number.
  if (typeof value === 'object' && value !== null) return cell('port' in value ? value.port : '');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** Kubernetes' short form of an age: 5s, 3m, 2h, 7d. */
function age(since: string | undefined, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since ?? '')) / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
