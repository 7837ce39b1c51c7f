import { createAnalysis, review, type AnalysisInputs } from '@meltemi/analysis';
import type { Config } from '@meltemi/api';
import type { Log, Problem } from '@meltemi/base';
import type { ConfigStore, Mesh } from '@meltemi/registry';

/** What is wrong with the mesh, worked out once per version of it and only when somebody asks. */
export interface Findings {
  /** Findings of analysis. */
  analysis(): readonly Problem[];
  /** Those, and what the stores hold back. */
  all(): readonly Problem[];
  /** What would be wrong with an object if it were in the mesh. */
  review(config: Config): readonly Problem[];
}

/** `patches`: what of the EnvoyFilters proxies would refuse, as far as it is known by now. */
export function createFindings(
  mesh: Pick<Mesh, 'state' | 'workloads' | 'settle'>,
  store: ConfigStore,
  log: Log,
  patches: () => readonly Problem[] = () => [],
): Findings {
  const running = createAnalysis();
  let last: { readonly version: number; readonly problems: readonly Problem[] } | undefined;
  const onFault = (analyzer: string, error: unknown): void => {
    log.error('an analyzer failed; what the others find is told', {
      analyzer,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  };
  const inputs = (): AnalysisInputs => ({ push: mesh.state.push, workloads: mesh.workloads(), onFault });
  const analysis = (): readonly Problem[] => {
    // A client that has just written asks what its change did: the change must be in.
    const version = mesh.settle();
    if (last?.version !== version) last = { version, problems: running.problems(inputs()).map((problem) => placed(problem, store)) };
    const refused = patches();
    return refused.length === 0 ? last.problems : [...last.problems, ...refused.map((problem) => placed(problem, store))];
  };
  return {
    analysis,
    all: () => [...store.problems(), ...analysis()],
    review(config) {
      mesh.settle();
      return review(inputs(), config);
    },
  };
}

/** Analysis knows the object; the line of the field is known to the store that has the text. */
function placed(problem: Problem, store: ConfigStore): Problem {
  const place = problem.object === undefined || problem.path === '' ? undefined : store.place?.(problem.object, problem.path);
  return place === undefined || problem.origin === undefined ? problem : { ...problem, origin: { ...problem.origin, ...place } };
}
