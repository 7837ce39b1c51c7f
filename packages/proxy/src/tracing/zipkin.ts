import type { ZipkinTracer } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { sendAside } from '../http/side-request.ts';
import { httpRequest } from './otlp.ts';
import type { SendSpans } from './exporters.ts';
import type { FinishedSpan } from './types.ts';

/** Sends spans as Zipkin's JSON (API v2). */
export function sendZipkin(tracer: ZipkinTracer): SendSpans {
  return (worker, spans, done) => {
    const list = spans.map((span) => toZipkin(span, tracer, worker));
    const request = httpRequest(tracer.service, Buffer.from(JSON.stringify(list)), [['content-type', 'application/json']]);
    sendAside(worker, request, (outcome) => done(outcome.t === 'response' && outcome.status < 300));
  };
}

function toZipkin(span: FinishedSpan, { sharedSpanContext }: ZipkinTracer, worker: Worker): object {
  const startUs = Math.round(span.startMs * 1000);
  const durationUs = Math.max(1, Math.round(span.durationMs * 1000));
  const server = span.kind === 'server';
  const { address, port } = span.local;
  return {
    ...(server && sharedSpanContext ? { shared: true } : {}),
    kind: server ? 'SERVER' : 'CLIENT',
    timestamp: startUs,
    localEndpoint: {
      ...(address === '' ? {} : { [address.includes(':') ? 'ipv6' : 'ipv4']: address, port }),
      serviceName: worker.ports.node?.cluster ?? '',
    },
    traceId: span.traceId,
    ...(span.parentSpanId === '' ? {} : { parentId: span.parentSpanId }),
    id: span.spanId,
    name: span.name,
    duration: durationUs,
    annotations: [{ value: server ? 'ss' : 'cr', timestamp: startUs + durationUs }],
    tags: Object.fromEntries(span.tags),
  };
}
