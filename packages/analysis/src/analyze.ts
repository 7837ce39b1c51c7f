import { ofKind, type Config, type KindName, type SpecTypes } from '@meltemi/api';
import type { Problem } from '@meltemi/base';
import type { KeySets, PushContext, Workload } from '@meltemi/model';
import type { AnalysisContext, AnalysisFinding, AnalysisInput, Analyzer } from './analyzer.ts';
import { ANALYZERS } from './analyzers/index.ts';
import { CODES } from './codes.ts';

/** What analysis looks at. */
export interface AnalysisInputs {
  readonly push: Pick<PushContext, 'inputs' | 'mesh'>;
  /** Every workload that the registries know, gateways too. */
  readonly workloads: readonly Workload[];
  /** Told of an analyzer that failed; the others' findings are returned. Without it the failure is thrown. */
  readonly onFault?: (analyzer: string, error: unknown) => void;
}

const SUPPRESS = ['galley.istio.io/analyze-suppress', 'kiali.io/ignore-validations'];
const SEVERITIES = ['error', 'warning', 'info'];

/** Analysis of one mesh as it changes. */
export interface Analysis {
  /**
   * What is wrong with the mesh as a whole: everything that no single object shows. Each problem names its object and path. Codes in an object's annotation
   * `galley.istio.io/analyze-suppress` or `kiali.io/ignore-validations` are left out (`*` or empty: all). Errors first, then by object. An analyzer runs again only
   * when something that it reads has changed since the last call.
   */
  problems(inputs: AnalysisInputs): readonly Problem[];
}

interface Run {
  readonly reads: readonly unknown[];
  readonly problems: readonly Problem[];
}

export function createAnalysis(): Analysis {
  const runs = new Map<Analyzer, Run>();
  let lists = new Map<KindName, readonly Config[]>();
  return {
    problems(inputs) {
      const context = analysisContext(inputs, lists);
      lists = context.lists;
      const found = ANALYZERS.flatMap((analyzer) => {
        const reads = analyzer.reads.map((input) => inputOf(context, input));
        const before = runs.get(analyzer);
        if (before?.reads.every((item, index) => item === reads[index]) === true) return before.problems;
        const problems = problemsOf(analyzer, context, inputs.onFault);
        if (problems === undefined) runs.delete(analyzer);
        else runs.set(analyzer, { reads, problems });
        return problems ?? [];
      });
      return found.sort(compareProblems);
    },
  };
}

/** `Analysis.problems`, once. */
export function analyze(inputs: AnalysisInputs): readonly Problem[] {
  return createAnalysis().problems(inputs);
}

function inputOf(context: AnalysisContext, input: AnalysisInput): unknown {
  if (input === 'services' || input === 'workloads' || input === 'mesh' || input === 'keySets') return context[input]();
  return context.configs(input);
}

/** What would be wrong with an object if it were (or replaced its namesake) in the mesh. Only analyzers that read its kind can have found something in it. */
export function review(inputs: AnalysisInputs, candidate: Config): readonly Problem[] {
  const { push } = inputs;
  const analyzers = ANALYZERS.filter((analyzer) => analyzer.reads.some((input) => input === candidate.kind));
  if (analyzers.length === 0) return [];
  const configs = [...push.inputs.configs.filter((config) => !isNamesake(config, candidate)), candidate];
  const context = analysisContext({ ...inputs, push: { mesh: push.mesh, inputs: { ...push.inputs, configs } } }, new Map(), candidate);
  return analyzers
    .flatMap((analyzer) => problemsOf(analyzer, context, inputs.onFault) ?? [])
    .filter(({ object }) => object?.kind === candidate.kind && object.namespace === candidate.meta.namespace && object.name === candidate.meta.name)
    .sort(compareProblems);
}

function isNamesake(a: Config, b: Config): boolean {
  return a.meta.name === b.meta.name && a.meta.namespace === b.meta.namespace && a.kind === b.kind;
}

const NO_KEYS: KeySets = new Map();

/** The view of the mesh that analyzers get, and the lists of objects in it: those of `before` where they hold the same. */
export function analysisContext(
  { push, workloads }: AnalysisInputs,
  before: ReadonlyMap<KindName, readonly Config[]> = new Map(),
  subject?: Config,
): AnalysisContext & { readonly lists: Map<KindName, readonly Config[]> } {
  const lists = new Map<KindName, readonly Config[]>();
  const configs = <K extends KindName>(kind: K): readonly Config<SpecTypes[K]>[] => {
    let list = lists.get(kind);
    if (list === undefined) {
      list = ofKind(push.inputs.configs, kind);
      const old = before.get(kind);
      if (old !== undefined && old.length === list.length && old.every((config, index) => config === list?.[index])) list = old;
      lists.set(kind, list);
    }
    return list as readonly Config<SpecTypes[K]>[];
  };
  return {
    lists,
    mesh: () => push.mesh,
    services: () => push.inputs.services,
    workloads: () => workloads,
    keySets: () => push.inputs.keySets ?? NO_KEYS,
    configs,
    subjects: (kind) => (subject === undefined ? configs(kind) : ofKind([subject], kind)),
  };
}

/** Undefined: the analyzer failed. */
function problemsOf(analyzer: Analyzer, context: AnalysisContext, onFault: AnalysisInputs['onFault']): readonly Problem[] | undefined {
  return findingsOf(analyzer, context, onFault)
    ?.filter((finding) => !isSuppressed(finding))
    .map(toProblem);
}

function findingsOf(analyzer: Analyzer, context: AnalysisContext, onFault: AnalysisInputs['onFault']): readonly AnalysisFinding[] | undefined {
  try {
    return analyzer.analyze(context);
  } catch (error) {
    if (onFault === undefined) throw error;
    onFault(analyzer.name, error);
    return undefined;
  }
}

function isSuppressed({ config, code }: AnalysisFinding): boolean {
  return SUPPRESS.some((annotation) => {
    const value = config.meta.annotations[annotation];
    if (value === undefined) return false;
    const codes = value.split(',').map((entry) => entry.trim());
    return codes.includes(code) || codes.includes('*') || value.trim() === '';
  });
}

function toProblem(finding: AnalysisFinding): Problem {
  const { code, config, path, message, fix } = finding;
  const { namespace, name } = config.meta;
  const severity = finding.severity ?? CODES[code].severity;
  return {
    code,
    severity,
    path,
    message,
    ...(fix === undefined ? {} : { fix }),
    object: { kind: config.kind, namespace, name },
    origin: config.origin,
  };
}

function compareProblems(a: Problem, b: Problem): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || compareText(orderOf(a), orderOf(b));
}

function orderOf({ object, path, code }: Problem): string {
  return [object?.kind, object?.namespace, object?.name, path, code].join('\0');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
