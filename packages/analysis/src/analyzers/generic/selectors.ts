import type { Config } from '@meltemi/api';
import { labelsMatch } from '@meltemi/match';
import type { Workload } from '@meltemi/model';
import { defineAnalyzer, namesOf, type AnalysisContext, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy } from '../../lookup.ts';

interface Selecting {
  readonly config: Config;
  readonly labels: Readonly<Record<string, string>>;
}

/** A kind of which one object is in force for a workload, and where it keeps its selector. */
interface Judged {
  readonly what: string;
  readonly selector: string;
  readonly labels: string;
  readonly objects: readonly Selecting[];
  /** All that are for a workload count together; those of the root namespace select everywhere. */
  readonly addUp?: true;
}

/** Where a selector looks. */
interface Field {
  readonly where: string;
  readonly workloads: readonly Workload[];
}

function judgedKinds(context: AnalysisContext): readonly Judged[] {
  return [
    {
      what: 'policy',
      selector: 'spec.selector',
      labels: 'spec.selector.matchLabels',
      objects: context.configs('PeerAuthentication').map((config) => ({ config, labels: config.spec.selector?.matchLabels ?? {} })),
    },
    {
      what: 'policy',
      selector: 'spec.selector',
      labels: 'spec.selector.matchLabels',
      objects: context.configs('RequestAuthentication').map((config) => ({ config, labels: config.spec.selector?.matchLabels ?? {} })),
      addUp: true,
    },
    {
      what: 'Sidecar',
      selector: 'spec.workloadSelector',
      labels: 'spec.workloadSelector.labels',
      objects: context.configs('Sidecar').map((config) => ({ config, labels: config.spec.workloadSelector?.labels ?? {} })),
    },
  ];
}

/** Of several PeerAuthentications or Sidecars on one level, only the oldest is in force. */
export const selectors = defineAnalyzer({
  name: 'generic/selectors',
  codes: ['KIA0002', 'KIA0003', 'KIA0004'],
  reads: ['PeerAuthentication', 'RequestAuthentication', 'Sidecar', 'workloads', 'mesh'],
  analyze(context) {
    const root = context.mesh().rootNamespace;
    const inhabitants = groupBy(context.workloads(), (workload) => workload.namespace);
    return judgedKinds(context).flatMap((judged) =>
      [...groupBy(judged.objects, ({ config }) => config.meta.namespace)].flatMap(([namespace, all]) => {
        const general = all.filter(({ labels }) => Object.keys(labels).length === 0);
        const special = all.filter(({ labels }) => Object.keys(labels).length > 0);
        const everywhere = judged.addUp === true && namespace === root;
        const field: Field = everywhere
          ? { where: 'mesh', workloads: context.workloads() }
          : { where: `namespace "${namespace}"`, workloads: inhabitants.get(namespace) ?? [] };
        return [...several(judged, namespace, general), ...special.flatMap((one) => selection(judged, one, special, field))];
      }),
    );
  },
});

function several({ what, selector, addUp }: Judged, namespace: string, general: readonly Selecting[]): readonly AnalysisFinding[] {
  if (general.length < 2 || addUp === true) return [];
  return general.map(({ config }) => ({
    code: 'KIA0002',
    config,
    path: selector,
    message: `the namespace "${namespace}" has another ${what} without a selector: ${others(general, config)}; only the oldest is in force`,
    fix: { text: 'Keep one of them.' },
  }));
}

function selection(
  { what, selector, labels: path, addUp }: Judged,
  { config, labels }: Selecting,
  special: readonly Selecting[],
  { where, workloads }: Field,
): readonly AnalysisFinding[] {
  const own = workloads.filter((workload) => labelsMatch(labels, workload.labels));
  const [first] = own;
  if (first === undefined) {
    const text = Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ');
    return [
      {
        code: 'KIA0004',
        config,
        path,
        message: `no workload of the ${where} has the labels ${text}`,
        fix: { text: `Correct the labels of ${path.slice('spec.'.length)}; "meltemi proxy-status" lists the workloads.` },
      },
    ];
  }
  if (addUp === true) return [];
  const rivals = special.filter((other) => own.some((workload) => labelsMatch(other.labels, workload.labels)));
  if (rivals.length < 2) return [];
  return [
    {
      code: 'KIA0003',
      config,
      path: selector,
      message: `${first.name} is selected by another ${what} too: ${others(rivals, config)}; only the oldest is in force`,
      fix: { text: 'Keep one of them, or make their selectors different.' },
    },
  ];
}

function others(all: readonly Selecting[], config: Config): string {
  return namesOf(all.filter((other) => other.config !== config).map((other) => other.config));
}
