import type { ConfigEvent } from './shell.ts';
import { meshTlsJson } from './tls.ts';
import { configOf } from './validations.ts';
import type { MeshView } from './view.ts';

/** At most this many problems travel in one event; the rest are counted. */
const MAX_PROBLEMS = 200;

export function configEvent(view: MeshView, sequence: number, sentAtMs: number): ConfigEvent {
  const count = (severity: string): number => view.problems.filter((one) => one.severity === severity).length;
  return {
    sequence,
    sentAtMs,
    version: view.version,
    tls: meshTlsJson(view),
    objects: configOf(
      view,
      view.namespaces.map((one) => one.name),
    ).length,
    errors: count('error'),
    warnings: count('warning'),
    problems: view.problems.slice(0, MAX_PROBLEMS).map((one) => ({
      code: one.code,
      message: one.message,
      severity: one.severity === 'info' ? ('unknown' as const) : one.severity,
      path: one.path.replaceAll('.', '/'),
      ...(one.origin?.file === undefined
        ? {}
        : { origin: { file: one.origin.file, ...(one.origin.line === undefined ? {} : { line: one.origin.line }) } }),
      ...(one.fix === undefined ? {} : { fix: one.fix.text }),
      ...(one.object === undefined ? {} : { object: one.object }),
    })),
  };
}

/** One server-sent event. */
export function sseEvent(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
