import type { Config } from '@meltemi/api';
import { convertGatewayApi, resolveBackend, type BackendReference } from '@meltemi/model';
import { defineAnalyzer, type AnalysisContext, type AnalysisFinding } from '../../analyzer.ts';
import { GATEWAY_API_INPUTS, objectsOf, readsOfGatewayApi } from './inputs.ts';

interface RouteRule {
  readonly backendRefs?: readonly BackendReference[];
  readonly filters?: readonly { readonly requestMirror?: { readonly backendRef: BackendReference } }[];
}

/**
 * Routes of the Gateway API whose parents do not take them, or whose backends are not there: what their status says, at the time of writing and in its
 * place. Requests to a backend that is not there are answered 500.
 */
export const routes = defineAnalyzer({
  name: 'gateway-api/routes',
  codes: ['KIA1401', 'KIA1402'],
  reads: readsOfGatewayApi,
  analyze(context) {
    const subjects = subjectsOf(context);
    if (subjects.length === 0) return [];
    const state = convertGatewayApi([...objectsOf(context, GATEWAY_API_INPUTS), ...subjects], context.mesh().domainSuffix);
    return state.routes.flatMap(({ config, parents }) => [
      ...parents.flatMap(({ result }, index): readonly AnalysisFinding[] =>
        result.t === 'refused' ? [{ code: 'KIA1401', config, path: `spec.parentRefs[${index}]`, message: result.fault.message }] : [],
      ),
      ...referencesOf(config).flatMap(({ path, ref }): readonly AnalysisFinding[] => {
        const { fault } = resolveBackend(state.objects, ref, { kind: config.kind, namespace: config.meta.namespace });
        return fault === undefined ? [] : [{ code: 'KIA1402', config, path, message: fault.message }];
      }),
    ]);
  },
});

function subjectsOf(context: AnalysisContext): readonly Config[] {
  return [...context.subjects('HTTPRoute'), ...context.subjects('GRPCRoute'), ...context.subjects('TLSRoute'), ...context.subjects('TCPRoute')];
}

function referencesOf(config: Config): readonly { readonly path: string; readonly ref: BackendReference }[] {
  const { rules = [] } = config.spec as { readonly rules?: readonly RouteRule[] };
  return rules.flatMap(({ backendRefs = [], filters = [] }, rule) => [
    ...backendRefs.map((ref, index) => ({ path: `spec.rules[${rule}].backendRefs[${index}]`, ref })),
    ...filters.flatMap(({ requestMirror }, index) =>
      requestMirror === undefined ? [] : [{ path: `spec.rules[${rule}].filters[${index}].requestMirror.backendRef`, ref: requestMirror.backendRef }],
    ),
  ]);
}
