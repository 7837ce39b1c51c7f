import { parse } from 'yaml';
import { decodeSpec } from '../../decode/spec.ts';
import type { Finding } from '../../kind.ts';
import { meshConfigDefinition, type MeshConfigSpec } from './mesh-config.ts';

const MAX_LENGTH = 256 * 1024;
const NOWHERE = { name: 'istio', namespace: '' };

/** A MeshConfig from YAML, and everything that is wrong with it; `settings` is absent when there is an error. Never throws. */
export function decodeMeshConfig(text: string): { readonly settings?: MeshConfigSpec; readonly findings: readonly Finding[] } {
  const parsed = read(text);
  if ('fault' in parsed) return { findings: [{ path: [], message: parsed.fault }] };
  const { spec, findings } = decodeSpec(meshConfigDefinition, withoutNulls(parsed.value ?? {}), [], NOWHERE);
  return {
    ...(spec === undefined ? {} : { settings: spec as MeshConfigSpec }),
    findings: findings.map(({ path, message, fix, severity }) => ({
      path,
      message,
      severity: severity === 'error' ? 'error' : 'warning',
      ...(fix === undefined ? {} : { fix }),
    })),
  };
}

function read(text: string): { readonly value: unknown } | { readonly fault: string } {
  if (text.length > MAX_LENGTH) return { fault: `is ${text.length} characters long; the limit is ${MAX_LENGTH}` };
  try {
    const value: unknown = parse(text, { maxAliasCount: 50, logLevel: 'error' });
    const mapping = value === null || value === undefined || (typeof value === 'object' && !Array.isArray(value));
    return mapping ? { value } : { fault: 'must be a mapping of settings' };
  } catch (error) {
    return { fault: `is not YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}` };
  }
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)] as const])));
}

/** What is wrong with the ConfigMap `istio`, by the paths inside its `data`. */
export function meshConfigFindings(data: Readonly<Record<string, string>>): Finding[] {
  const findings: Finding[] = [];
  const { mesh, meshNetworks } = data;
  for (const finding of mesh === undefined ? [] : decodeMeshConfig(mesh).findings)
    findings.push({ ...finding, path: ['data', 'mesh', ...finding.path] });
  if (meshNetworks !== undefined && !/^\s*(networks:\s*(\{\s*\})?\s*)?$/.test(meshNetworks))
    findings.push({ path: ['data', 'meshNetworks'], message: 'several networks are not built yet: networks must be empty' });
  return findings;
}
