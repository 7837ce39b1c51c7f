import { defineFilter, type FilterKind } from './define.ts';
import type { FilterResponse, HeaderEdit, ResponseVerdict } from './types.ts';

/** For the proxy's half: whether the body of a request is base64. */
export interface GrpcWebQuestion {
  readonly text: boolean;
}

const TYPE = 'grpc-web';
const TEXT: readonly string[] = ['application/grpc-web-text', 'application/grpc-web-text+proto'];
const BINARY: readonly string[] = ['application/grpc-web', 'application/grpc-web+proto'];
const HEAD: readonly HeaderEdit[] = [
  { name: 'content-type', action: 'overwrite', value: 'application/grpc' },
  { name: 'te', action: 'overwrite', value: 'trailers' },
  { name: 'grpc-accept-encoding', action: 'overwrite', value: 'identity' },
];

/** gRPC-Web of browsers becomes gRPC (`envoy.filters.http.grpc_web`): text is decoded, and trailers come as the last piece of the body. */
export const grpcWebFilter: FilterKind = defineFilter<Readonly<Record<string, never>>, never>({
  t: TYPE,
  types: ['envoy.extensions.filters.http.grpc_web.v3.GrpcWeb'],
  overrideTypes: [],
  decode: () => ({}),
  compile: () => ({
    decide({ request }) {
      const type = request.header('content-type') ?? '';
      const isText = TEXT.includes(type);
      if (!isText && !BINARY.includes(type)) return undefined;
      const textBack = TEXT.includes(request.header('accept') ?? '');
      return {
        request: HEAD,
        response: { onResponse: (response) => answer(response, textBack) },
        ask: { text: isText } satisfies GrpcWebQuestion,
      };
    },
  }),
});

function answer(response: FilterResponse, text: boolean): ResponseVerdict {
  const type: HeaderEdit = { name: 'content-type', action: 'overwrite', value: `application/grpc-web${text ? '-text' : ''}+proto` };
  if (response.endOfStream) return { edits: [type] };
  const isGrpc = response.status === 200 && /^application\/grpc(?:[+;]|$)/.test(response.header('content-type') ?? '');
  if (isGrpc) return { edits: [type], transform: { t: TYPE, form: text ? 'text' : 'binary' } };
  // No gRPC: the client gets a status that it understands.
  const status: HeaderEdit = { name: 'grpc-status', action: 'overwrite', value: String(grpcStatusOf(response.status)) };
  return { edits: [type, status], transform: { t: TYPE, form: 'none' } };
}

const STATUSES: ReadonlyMap<number, number> = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
]);
const UNKNOWN = 2;

/** As gRPC maps what is no gRPC. */
function grpcStatusOf(status: number): number {
  return STATUSES.get(status) ?? UNKNOWN;
}
