import type { Any, TypedExtensionConfig } from '@meltemi/protos-types';

/** A part of a header value, by CEL. Envoy's CEL has neither regular expressions nor concatenation. */
function cel(expression: string): string {
  return `%CEL(${expression})%`;
}

const SINGLE = "'b3' in request.headers && size(request.headers['b3']) >= 49";
const SINGLE_REFUSED = "request.headers['b3'].endsWith('-0') || request.headers['b3'].contains('-0-')";
const MULTI = "'x-b3-traceid' in request.headers && 'x-b3-spanid' in request.headers";
const MULTI_REFUSED = "'x-b3-sampled' in request.headers && request.headers['x-b3-sampled'] == '0'";

/** `{trace of 32}-{span}[-{decision}…]`. A shorter text (a bare decision) makes an invalid `traceparent`: no trace. */
const FROM_SINGLE = [cel(`${SINGLE} ? '00-' : ''`), '%REQ(b3):49%', cel(`${SINGLE} ? ((${SINGLE_REFUSED}) ? '-00' : '-01') : ''`)];

const FROM_MULTI = [
  cel(`${MULTI} ? '00-' : ''`),
  cel(`${MULTI} && size(request.headers['x-b3-traceid']) == 16 ? '0000000000000000' : ''`),
  cel(`${MULTI} ? request.headers['x-b3-traceid'] : ''`),
  cel(`${MULTI} ? '-' : ''`),
  cel(`${MULTI} ? request.headers['x-b3-spanid'] : ''`),
  cel(`${MULTI} ? ((${MULTI_REFUSED}) ? '-00' : '-01') : ''`),
];

interface HeaderMutation {
  readonly mutations: readonly {
    readonly append: { readonly header: { readonly key: string; readonly value: string }; readonly append_action: string };
  }[];
}

const HEADER_MUTATION: Any<HeaderMutation> = {
  '@type': 'type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation',
  mutations: [FROM_SINGLE, FROM_MULTI].map((parts) => ({
    append: { header: { key: 'traceparent', value: parts.join('') }, append_action: 'ADD_IF_ABSENT' },
  })),
};

/**
 * Envoy's OpenTelemetry tracer knows W3C trace context alone. A request that brings B3 and no `traceparent` gets one before the tracer
 * looks, so that its trace goes on. An empty value adds nothing.
 */
export const b3ToW3c: TypedExtensionConfig = { name: 'envoy.http.early_header_mutation.header_mutation', typed_config: HEADER_MUTATION };
