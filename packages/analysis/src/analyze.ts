import { configKey, ofKind, type Config, type KindName, type SpecTypes } from '@meltemi/api';
import type { ObjectRef, Problem } from '@meltemi/base';
import type { PushContext, Workload } from '@meltemi/model';
import type { AnalysisContext, AnalysisFinding, Analyzer } from './analyzer.ts';
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

/**
 * What is wrong with the mesh as a whole: everything that no single object shows. Each problem names its object and path. Codes in an object's annotation
 * `galley.istio.io/analyze-suppress` or `kiali.io/ignore-validations` are left out (`*` or empty: all). Errors first, then by object.
 */
export function analyze(inputs: AnalysisInputs): readonly Problem[] {
  const context = analysisContext(inputs);
  const problems = ANALYZERS.flatMap((analyzer) => findingsOf(analyzer, context, inputs.onFault))
    .filter((finding) => !isSuppressed(finding))
    .map(toProblem);
  return problems.sort(compareProblems);
}

/** Of `analyze`, what concerns one object. */
export function analyzeObject(inputs: AnalysisInputs, ref: ObjectRef): readonly Problem[] {
  return analyze(inputs).filter(({ object }) => object?.kind === ref.kind && object.namespace === ref.namespace && object.name === ref.name);
}

/** What would be wrong with an object if it were (or replaced its namesake) in the mesh. */
export function review(inputs: AnalysisInputs, candidate: Config): readonly Problem[] {
  const { push } = inputs;
  const key = configKey(candidate);
  const configs = [...push.inputs.configs.filter((config) => configKey(config) !== key), candidate];
  const ref = { kind: candidate.kind, namespace: candidate.meta.namespace, name: candidate.meta.name };
  return analyzeObject({ ...inputs, push: { mesh: push.mesh, inputs: { ...push.inputs, configs } } }, ref);
}

/** The view of the mesh that analyzers get. */
export function analysisContext({ push, workloads }: AnalysisInputs): AnalysisContext {
  const byKind = new Map<KindName, readonly Config[]>();
  return {
    mesh: () => push.mesh,
    services: () => push.inputs.services,
    workloads: () => workloads,
    configs<K extends KindName>(kind: K): readonly Config<SpecTypes[K]>[] {
      const known = byKind.get(kind) ?? ofKind(push.inputs.configs, kind);
      byKind.set(kind, known);
      return known as readonly Config<SpecTypes[K]>[];
    },
  };
}

function findingsOf(analyzer: Analyzer, context: AnalysisContext, onFault: AnalysisInputs['onFault']): readonly AnalysisFinding[] {
  try {
    return analyzer.analyze(context);
  } catch (error) {
    if (onFault === undefined) throw error;
    onFault(analyzer.name, error);
    return [];
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
