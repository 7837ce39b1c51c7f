import { GRPC_STATUSES } from '@meltemi/match';
import { z } from 'zod';
import {
  count,
  destinationPort,
  duration,
  durationMin1ms,
  host,
  int32,
  nonEmpty,
  opt,
  percent,
  plainText,
  portNumber,
  regex,
  req,
  text,
  uint32,
} from '../../schema/fields.ts';
import { oneOf } from '../../schema/one-of.ts';
import { httpMatch, l4Match, stringMatch, tlsMatch } from './http-match.ts';
import {
  HTTP_METHODS,
  headerAddNameFault,
  headerRemoveNameFault,
  headerValueFault,
  listedHeaderFault,
  requestSetNameFault,
  responseNameFault,
  retryOnFault,
} from './http-values.ts';

const destination = z.strictObject({
  host: req(host, 'Service to call. A name without a dot is completed with the namespace of this object.'),
  subset: opt(nonEmpty, 'Subset that a DestinationRule of the host defines.'),
  port: opt(destinationPort, 'Port of the service; needed when it has several.'),
});

const headerValue = text(headerValueFault);
const requestOperations = z.strictObject({
  set: opt(z.record(text(requestSetNameFault), headerValue), 'Headers to set, replacing what is there.'),
  add: opt(z.record(text(headerAddNameFault), headerValue), 'Headers to append.'),
  remove: opt(z.array(text(headerRemoveNameFault)), 'Headers to remove.'),
});
const responseOperations = z.strictObject({
  set: opt(z.record(text(responseNameFault), headerValue), 'Headers to set, replacing what is there.'),
  add: opt(z.record(text(responseNameFault), headerValue), 'Headers to append.'),
  remove: opt(z.array(text(responseNameFault)), 'Headers to remove.'),
});
const headers = z.strictObject({
  request: opt(requestOperations, 'Before the request goes to the service.'),
  response: opt(responseOperations, 'Before the response goes to the caller.'),
});

const httpRouteDestination = z.strictObject({
  destination: req(destination, 'Where the requests go.'),
  weight: opt(count, 'Share of requests, relative to the other destinations.'),
  headers: opt(headers, 'Header operations for this destination only.'),
});
const routeDestination = z.strictObject({
  destination: req(destination, 'Where the connections go.'),
  weight: opt(count, 'Share of connections, relative to the other destinations.'),
});

const redirect = oneOf(
  z.strictObject({
    uri: opt(plainText, 'Path to redirect to; replaces the whole path.'),
    authority: opt(plainText, 'Host to redirect to.'),
    port: opt(portNumber, 'Port to redirect to.'),
    derivePort: opt(z.enum(['FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT']), 'Where the port comes from.'),
    scheme: opt(z.string(), 'http or https.'),
    redirectCode: opt(z.int(), '301 (default), 302, 303, 307 or 308.'),
    prefixRewrite: opt(plainText, 'Replaces the matched prefix of the path.'),
  }),
  ['port', 'derivePort'],
);
const directResponse = z.strictObject({
  status: req(z.int().min(200).max(599), 'HTTP status.'),
  body: opt(
    oneOf(z.strictObject({ string: opt(z.string(), 'Body as text.'), bytes: opt(z.base64(), 'Body as base64.') }), ['string', 'bytes'], {
      required: true,
    }),
    'Body of the response, at most 1 MB.',
  ),
});
const rewrite = oneOf(
  z.strictObject({
    uri: opt(plainText, 'With a prefix match: replaces the prefix; else the whole path.'),
    authority: opt(plainText, 'Replaces the Host header.'),
    uriRegexRewrite: opt(
      z.strictObject({
        match: req(regex, 'RE2 expression; every match in the path is replaced.'),
        rewrite: req(plainText, 'Replacement; \\1 … \\9 are the groups, \\0 the whole match.'),
      }),
      'Rewrites the path by a regular expression.',
    ),
  }),
  ['uri', 'uriRegexRewrite'],
);
export const retries = z.strictObject({
  attempts: opt(count, 'Retries at most; 0 switches retries off. Default 2.'),
  perTryTimeout: opt(durationMin1ms, 'Time-out of each try. Default: the time-out of the route.'),
  retryOn: opt(text(retryOnFault), 'Conditions and status codes, separated by commas.'),
  retryRemoteLocalities: opt(z.boolean(), 'Retry on endpoints of other localities too.'),
  retryIgnorePreviousHosts: opt(z.boolean(), 'Avoid endpoints that were tried. Default true.'),
  backoff: opt(durationMin1ms, 'Base of the exponential wait between tries. Default 25ms.'),
});
const fault = z.strictObject({
  delay: opt(
    oneOf(
      z.strictObject({
        percent: opt(int32, 'Deprecated: use percentage.'),
        fixedDelay: opt(durationMin1ms, 'How long to wait.'),
        exponentialDelay: opt(duration, 'Not implemented by Istio either.'),
        percentage: opt(percent, 'Share of requests. Left out: none.'),
      }),
      ['fixedDelay', 'exponentialDelay'],
      { required: true },
    ),
    'Waits before the request goes on.',
  ),
  abort: opt(
    oneOf(
      z.strictObject({
        httpStatus: opt(z.int().min(200).max(599), 'Status to answer with.'),
        grpcStatus: opt(z.enum(GRPC_STATUSES), 'gRPC status to answer with.'),
        http2Error: opt(z.string(), 'Not implemented by Istio either.'),
        percentage: opt(percent, 'Share of requests. Left out: none.'),
      }),
      ['httpStatus', 'grpcStatus', 'http2Error'],
      { required: true },
    ),
    'Answers without calling the service.',
  ),
});
const corsPolicy = z.strictObject({
  allowOrigin: opt(z.array(z.string()), 'Deprecated: use allowOrigins.'),
  allowOrigins: opt(z.array(stringMatch), 'Origins that may read.'),
  allowMethods: opt(
    z.array(
      text((value) => (value === '*' || HTTP_METHODS.includes(value) ? undefined : `"${value}" is not an HTTP method (${HTTP_METHODS.join(', ')})`)),
    ),
    'Methods that may be used.',
  ),
  allowHeaders: opt(z.array(text(listedHeaderFault)), 'Request headers that may be used.'),
  exposeHeaders: opt(z.array(text(listedHeaderFault)), 'Response headers that a page may read.'),
  maxAge: opt(duration, 'How long a preflight answer may be kept; whole seconds.'),
  allowCredentials: opt(z.boolean(), 'Whether cookies may be sent.'),
  unmatchedPreflights: opt(z.enum(['UNSPECIFIED', 'FORWARD', 'IGNORE']), 'What happens to preflights that match no origin.'),
});

export const httpRoute = z.strictObject({
  name: opt(z.string(), 'Name of the route, seen in logs.'),
  match: opt(z.array(httpMatch), 'Any of these must match; inside one, everything must.'),
  route: opt(z.array(httpRouteDestination).min(1), 'Where requests go. Exactly one of route, redirect, directResponse, delegate.'),
  redirect: opt(redirect, 'Answer with a redirect.'),
  directResponse: opt(directResponse, 'Answer with a fixed response.'),
  delegate: opt(
    z.strictObject({ name: opt(z.string(), 'VirtualService to delegate to.'), namespace: opt(z.string(), 'Its namespace.') }),
    'Hand over to another VirtualService.',
  ),
  rewrite: opt(rewrite, 'Change path or authority before forwarding.'),
  timeout: opt(durationMin1ms, 'Time-out of the whole request, tries included. Default: none.'),
  retries: opt(retries, 'When to try again.'),
  fault: opt(fault, 'Faults to inject, for tests.'),
  mirror: opt(destination, 'Send a copy of requests here.'),
  mirrors: opt(
    z.array(z.strictObject({ destination: req(destination, 'Where copies go.'), percentage: opt(percent, 'Share of requests; default all.') })),
    'Send copies of requests to several places.',
  ),
  mirrorPercent: opt(uint32, 'Deprecated: use mirrorPercentage.'),
  mirror_percent: opt(uint32, 'Deprecated: use mirrorPercentage.'),
  mirrorPercentage: opt(percent, 'Share of requests that are copied.'),
  corsPolicy: opt(corsPolicy, 'Cross-origin rules.'),
  headers: opt(headers, 'Header operations for all destinations.'),
});

export const tcpRoute = z.strictObject({
  match: opt(z.array(l4Match), 'Any of these must match.'),
  route: opt(z.array(routeDestination).min(1), 'Where connections go.'),
});
export const tlsRoute = z.strictObject({
  match: req(z.array(tlsMatch).min(1), 'Any of these must match.'),
  route: opt(z.array(routeDestination).min(1), 'Where connections go.'),
});
