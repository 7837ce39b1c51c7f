import type { Config, KindName, SpecTypes } from '@meltemi/api';
import { shownKind, type Fix, type Severity } from '@meltemi/base';
import type { KeySets, MeshConfig, Service, Workload } from '@meltemi/model';
import type { AnalysisCode } from './codes.ts';

/** What an analyzer may read. */
export type AnalysisInput = KindName | 'services' | 'workloads' | 'mesh' | 'keySets';

/** One thing that is wrong, in one object. */
export interface AnalysisFinding {
  readonly code: AnalysisCode;
  readonly config: Config;
  /** Path inside the object: `spec.http[0].route[1].destination.host`. */
  readonly path: string;
  /** What is wrong, the value, the likely cause. */
  readonly message: string;
  readonly fix?: Fix;
  /** Where it differs from the code's usual severity. */
  readonly severity?: Severity;
}

/** The mesh as analyzers see it. Every access counts as reading the input of that name. */
export interface AnalysisContext {
  mesh(): MeshConfig;
  configs<K extends KindName>(kind: K): readonly Config<SpecTypes[K]>[];
  /** Those of a kind that are to be judged: all, or only the object under review. For analyzers that judge each object by itself. */
  subjects<K extends KindName>(kind: K): readonly Config<SpecTypes[K]>[];
  services(): readonly Service[];
  workloads(): readonly Workload[];
  /** Keys of issuers, as far as they were fetched. */
  keySets(): KeySets;
}

/**
 * One analyzer: a file, a list line in `analyzers/index.ts`, its codes in `codes.ts`. `reads` says what it depends on; a test proves that
 * it reads nothing else.
 */
export interface Analyzer {
  readonly name: string;
  readonly codes: readonly AnalysisCode[];
  readonly reads: readonly AnalysisInput[];
  analyze(context: AnalysisContext): readonly AnalysisFinding[];
}

export function defineAnalyzer(analyzer: Analyzer): Analyzer {
  return analyzer;
}

/** `VirtualService bookinfo/reviews (f.yaml:12)`, for messages that name another object. */
export function nameOf(config: Config): string {
  const { file, line } = config.origin;
  const place = file === undefined ? '' : ` (${file}${line === undefined ? '' : `:${line}`})`;
  const { namespace, name } = config.meta;
  return `${shownKind(config.kind)} ${namespace === '' ? name : `${namespace}/${name}`}${place}`;
}

/** Names of objects for messages, at most three. */
export function namesOf(configs: readonly Config[]): string {
  const shown = configs.slice(0, 3).map(nameOf).join(', ');
  return configs.length > 3 ? `${shown} and ${configs.length - 3} more` : shown;
}
