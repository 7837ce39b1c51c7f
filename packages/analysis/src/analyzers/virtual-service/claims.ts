import { claimName, type Config, type HttpMatchRequest, type VirtualService } from '@meltemi/api';
import { labelsMatch } from '@meltemi/match';
import { isPolicyFor } from '@meltemi/model';
import { defineAnalyzer, type AnalysisContext, type AnalysisFinding } from '../../analyzer.ts';
import { gatewayKey } from '../../lookup.ts';

const MESH = 'mesh';

/** Routes by claims: sidecars read no tokens on calls that go out, and gateways only where a RequestAuthentication says so. */
export const claims = defineAnalyzer({
  name: 'virtual-service/claims',
  codes: ['MEL0210', 'IST0149'],
  reads: ['VirtualService', 'Gateway', 'RequestAuthentication', 'workloads', 'mesh'],
  analyze(context) {
    const blind = blindGateways(context);
    return context
      .subjects('VirtualService')
      .flatMap((config) =>
        (config.spec.http ?? []).flatMap((rule, index) =>
          (rule.match ?? []).flatMap((match, at) => findingsOf({ config, match, path: `spec.http[${index}].match[${at}]` }, blind)),
        ),
      );
  },
});

interface Matched {
  readonly config: Config<VirtualService>;
  readonly match: HttpMatchRequest;
  readonly path: string;
}

function findingsOf({ config, match, path }: Matched, blind: ReadonlyMap<string, string>): readonly AnalysisFinding[] {
  const name = claimOf(match);
  if (name === undefined) return [];
  const named = (match.gateways ?? []).length > 0 ? match.gateways : config.spec.gateways;
  const gateways = named === undefined || named.length === 0 ? [MESH] : named;
  const findings: AnalysisFinding[] = [];
  if (gateways.includes(MESH))
    findings.push({
      code: 'MEL0210',
      config,
      path,
      message: `"${name}" is known on gateways only: for calls inside the mesh no token has such a claim`,
      fix: { text: 'Name the gateway under gateways of this match.' },
    });
  for (const gateway of gateways) {
    const workload = blind.get(gatewayKey(gateway, config.meta.namespace));
    if (workload === undefined) continue;
    findings.push({
      code: 'IST0149',
      config,
      path,
      message: `"${name}" is never known at the gateway "${gateway}": no RequestAuthentication with a rule is for its workload ${workload}`,
      fix: { text: 'Add a RequestAuthentication that selects this workload.' },
    });
  }
  return findings;
}

/** Gateways with a workload that looks at no token: `namespace/name` → the workload. Those without a workload at all have a finding of their own. */
function blindGateways(context: AnalysisContext): ReadonlyMap<string, string> {
  const root = context.mesh().rootNamespace;
  const policies = context.configs('RequestAuthentication').filter(({ spec }) => (spec.jwtRules ?? []).length > 0);
  const workloads = context.workloads();
  const blind = new Map<string, string>();
  for (const { meta, spec } of context.configs('Gateway')) {
    const { selector = {} } = spec;
    if (Object.keys(selector).length === 0) continue;
    const workload = workloads.find((one) => labelsMatch(selector, one.labels) && !policies.some((policy) => isPolicyFor(policy, one, root)));
    if (workload !== undefined) blind.set(`${meta.namespace}/${meta.name}`, workload.name);
  }
  return blind;
}

function claimOf({ headers, withoutHeaders }: HttpMatchRequest): string | undefined {
  return Object.keys({ ...headers, ...withoutHeaders }).find((name) => claimName(name).t === 'claim');
}
