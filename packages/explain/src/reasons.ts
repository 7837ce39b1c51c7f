import type { ObjectRef, Origin } from '@meltemi/base';
import type { Decision } from '@meltemi/runtime';
import type { Reason, SimulatedMesh } from './types.ts';

/** The objects behind the steps of a decision. Steps that nothing was configured for have none. */
export function reasonsOf(decision: Decision, mesh: SimulatedMesh): readonly Reason[] {
  return decision.steps.flatMap((step): Reason[] => {
    if (step.origin === undefined || step.t === 'route-skipped') return [];
    const what = step.t;
    if (
      what !== 'listener' &&
      what !== 'filter-chain' &&
      what !== 'route-table' &&
      what !== 'virtual-host' &&
      what !== 'route' &&
      what !== 'endpoints'
    )
      return [];
    const { object, path } = parseOrigin(step.origin);
    const origin = originOf(object, path, mesh);
    return [{ what, object, path, ...(origin === undefined ? {} : { origin }) }];
  });
}

/** `VirtualService/bookinfo/reviews#spec.http[0]`. */
function parseOrigin(text: string): { readonly object: ObjectRef; readonly path: string } {
  const hash = text.indexOf('#');
  const [kind = '', namespace = '', ...name] = (hash < 0 ? text : text.slice(0, hash)).split('/');
  return { object: { kind, namespace, name: name.join('/') }, path: hash < 0 ? '' : text.slice(hash + 1) };
}

function originOf(object: ObjectRef, path: string, { configs, documents }: SimulatedMesh): Origin | undefined {
  const origin = configs.find(({ kind, meta }) => kind === object.kind && meta.namespace === object.namespace && meta.name === object.name)?.origin;
  const text = documents.find(({ kind, namespace, name }) => kind === object.kind && namespace === object.namespace && name === object.name);
  return origin === undefined || text === undefined || path === '' ? origin : { ...origin, ...text.locate(path) };
}
