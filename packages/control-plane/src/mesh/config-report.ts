import type { Problem, Timer, Timers } from '@meltemi/base';
import type { ConfigStore, Mesh } from '@meltemi/registry';
import type { Findings } from './findings.ts';

/** What has changed about the files that are watched: faults that were not there before, and how many there are now. */
export interface ConfigReport {
  readonly fresh: readonly Problem[];
  readonly remaining: number;
}

/** Files are written in several steps, and one object's host may be in the next file: told when it is quiet. */
const QUIET_MS = 300;

/** Tells what is wrong with watched files, at the beginning and after each change. Returns what ends it. */
export function watchConfigFiles(
  deps: { readonly store: ConfigStore; readonly mesh: Pick<Mesh, 'watch'>; readonly findings: Findings; readonly timers: Timers },
  tell: (report: ConfigReport) => void,
): () => void {
  let known = new Set<string>();
  let timer: Timer | undefined;
  const report = (): void => {
    const problems = deps.findings.all().filter(isOfFile);
    const now = new Set(problems.map(keyOf));
    const fresh = problems.filter((problem) => !known.has(keyOf(problem)));
    const changed = fresh.length > 0 || now.size !== known.size;
    known = now;
    if (changed) tell({ fresh, remaining: problems.length });
  };
  const soon = (): void => {
    timer?.cancel();
    timer = deps.timers.after(QUIET_MS, report);
  };
  soon();
  const stops = [deps.store.watchProblems(soon), deps.mesh.watch(soon)];
  return () => {
    timer?.cancel();
    for (const stop of stops) stop();
  };
}

/** What was applied is told to who applied it. */
function isOfFile({ origin }: Problem): boolean {
  return origin?.source === 'file';
}

/** The line may move; the fault is the same. */
function keyOf({ code, path, message, object, origin }: Problem): string {
  return JSON.stringify([code, path, message, object, origin?.file]);
}
