import { delegations, type DroppedRule } from '@meltemi/model';
import { defineAnalyzer, nameOf, type AnalysisFinding } from '../../analyzer.ts';

/** Delegations that come to nothing: Istio drops them in silence. */
export const delegates = defineAnalyzer({
  name: 'virtual-service/delegates',
  codes: ['MEL0203', 'MEL0204'],
  reads: ['VirtualService', 'mesh'],
  analyze(context) {
    const { dropped, idle } = delegations(context.configs('VirtualService'), context.mesh());
    return [
      ...dropped.map(findingOf),
      ...idle.map((config): AnalysisFinding => ({
        code: 'MEL0204',
        config,
        path: 'spec.hosts',
        message: 'without hosts this is a delegate, and no VirtualService delegates to it: none of its rules is in force',
        fix: { text: 'Add hosts, or name it under http[].delegate of another VirtualService.' },
      })),
    ];
  },
});

function findingOf({ root, fault, delegated }: DroppedRule): AnalysisFinding {
  const { name = '', namespace = root.source.meta.namespace } = root.route.delegate ?? {};
  const path = `spec.http[${root.index}].delegate`;
  const base = { code: 'MEL0203', config: root.source } as const;
  switch (fault) {
    case 'missing':
      return {
        ...base,
        path,
        message: `there is no VirtualService "${namespace}/${name}" without hosts to delegate to: requests of this rule go past it`,
      };
    case 'not-exported':
      return { ...base, path, message: `VirtualService "${namespace}/${name}" is not exported to this namespace: requests of this rule go past it` };
    case 'too-many':
    case 'conflict':
      return { ...base, ...joiningFault({ root, fault, ...(delegated === undefined ? {} : { delegated }) }, path) };
  }
}

/** Of rules that cannot be joined. */
function joiningFault({ root, fault, delegated }: DroppedRule, path: string): Pick<AnalysisFinding, 'config' | 'path' | 'message' | 'fix'> {
  if (fault === 'too-many')
    return {
      config: root.source,
      path,
      message: `the matches here and those of the delegate are too many to be joined: its rules from http[${delegated?.index ?? 0}] on are not in force`,
      fix: { text: 'Hand over by fewer matches, such as one prefix.' },
    };
  return {
    config: delegated?.source ?? root.source,
    path: delegated === undefined ? path : `spec.http[${delegated.index}]`,
    message: `this rule asks for what ${nameOf(root.source)} does not hand over in http[${root.index}]: it is not in force there`,
    fix: { text: 'Narrow its match to what the other one matches; regular expressions of both on one property cannot be joined.' },
  };
}
