import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import fc from 'fast-check';
import { decodeLogMessage } from '../envoy/access-log-entry.ts';
import { createMeshFacts } from '../envoy/mesh-facts.ts';
import {
  decodeCertificateResponse,
  decodeNameTable,
  encodeCertificateRequest,
  encodeCertificateSecret,
  encodeNode,
  encodeRootSecret,
} from './messages.ts';
import { decodeTelemetryAck, encodeTelemetryBatch } from './telemetry.ts';

// The schema's own codec says what the messages mean.
const codec = loadCodec('sidecar');
const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';

test('what is written by hand is what the schema reads', () => {
  assert.deepEqual(codec.decode('istio.v1.auth.IstioCertificateRequest', encodeCertificateRequest('PEM')), { csr: 'PEM' });
  assert.deepEqual(codec.decode(SECRET, encodeCertificateSecret('default', 'CHAIN', 'KEY')), {
    name: 'default',
    tls_certificate: { certificate_chain: { inline_string: 'CHAIN' }, private_key: { inline_string: 'KEY' } },
  });
  assert.deepEqual(codec.decode(SECRET, encodeRootSecret('ROOTCA', 'ROOT')), {
    name: 'ROOTCA',
    validation_context: { trusted_ca: { inline_string: 'ROOT' } },
  });
  const metadata = { NAMESPACE: 'a', LABELS: { app: 'ä' }, MELTEMI_PORTS: [{ number: 9080, protocol: 'http' }, {}], flag: true, none: null };
  assert.deepEqual(codec.decode('envoy.config.core.v3.Node', encodeNode({ id: 'i', cluster: 'c', metadata })), {
    id: 'i',
    cluster: 'c',
    metadata,
    user_agent_name: 'meltemi-agent',
  });
  const batch = {
    sequence: 300,
    time_ms: 1.5,
    node: { workload: 'w', namespace: 'n', app: 'a', version: 'v', instance: 'i', address: '1.2.3.4', component: 'agent' },
    series: [{ id: 1, name: 'x', kind: 'HISTOGRAM' as const, labels: { a: 'b', c: 'd' }, created_ms: 7, bounds: [1, 2.5] }],
    sample_ids: [2, 400],
    sample_values: [1, 1e20],
    histograms: [{ id: 1, sum: 3, counts: [1, 2, 3] }],
    retired_ids: [9],
    spans: [
      {
        trace_id: 'ab',
        span_id: 'cd',
        parent_span_id: 'ef',
        name: 's',
        kind: 'CLIENT' as const,
        start_us: 1.7e15,
        duration_us: 5,
        error: true,
        service: 'r',
        tags: { k: 'v' },
      },
    ],
    logs: [{ time_ms: 5, source: 'PROXY' as const, text: 'line' }],
  };
  assert.deepEqual(codec.decode('meltemi.telemetry.v1.TelemetryBatch', encodeTelemetryBatch(batch)), batch);
});

test('what is read by hand is what the schema writes', () => {
  assert.deepEqual(decodeCertificateResponse(codec.encode('istio.v1.auth.IstioCertificateResponse', { cert_chain: ['a', 'b'] })), ['a', 'b']);
  const info = { ips: ['1.2.3.4', '::1'], registry: 'Kubernetes', shortname: 'r', namespace: 'n', alt_hosts: ['x'] };
  assert.deepEqual(decodeNameTable(codec.encode('istio.networking.nds.v1.NameTable', { table: { 'r.n.svc': info } })), {
    table: { 'r.n.svc': info },
  });
  assert.deepEqual(decodeTelemetryAck(codec.encode('meltemi.telemetry.v1.TelemetryAck', { sequence: 4, refused: 2, reason: 'no' })), {
    sequence: 4,
    refused: 2,
    reason: 'no',
  });
});

test("Envoy's log entries, and the facts of clusters and endpoints", () => {
  const address = (ip: string, port: number) => ({ socket_address: { address: ip, port_value: port } });
  const uri = (value: string) => ({ subject_alt_name: [{ dns: 'x' }, { uri: value }] });
  const common = {
    downstream_remote_address: address('9.9.9.9', 1),
    downstream_direct_remote_address: address('10.0.0.2', 5000),
    upstream_remote_address: address('10.0.0.3', 9080),
    upstream_cluster: 'inbound|9080||',
    route_name: 'default',
    response_flags: { upstream_retry_limit_exceeded: true, upstream_connection_failure: true, unauthorized_details: { reason: 'EXTERNAL_SERVICE' } },
    tls_properties: { local_certificate_properties: uri('spiffe://l'), peer_certificate_properties: uri('spiffe://p'), tls_sni_hostname: 'sni' },
    time_to_last_downstream_tx_byte: '1s',
    duration: '0.012500s',
    stream_id: 'id',
    access_log_type: 'DownstreamEnd',
    custom_tags: { a: 'b', virtual_host: 'block_all' },
  };
  const http = {
    common_properties: common,
    protocol_version: 'HTTP2',
    request: { authority: 'reviews:9080', path: '/', request_body_bytes: 10, request_headers: { 'content-type': 'application/grpc', x: 'y' } },
    response: { response_code: 200, response_body_bytes: 20, response_trailers: { 'grpc-status': '14' } },
  };
  const message = { identifier: { log_name: 'meltemi-inbound', node: { id: 'x' } }, http_logs: { log_entry: [http] } };
  const decoded = decodeLogMessage(codec.encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', message));
  assert.deepEqual(decoded, {
    logName: 'meltemi-inbound',
    entries: [
      {
        protocol: 'http',
        directRemote: '10.0.0.2',
        remote: '9.9.9.9',
        upstream: '10.0.0.3:9080',
        upstreamCluster: 'inbound|9080||',
        virtualHost: 'block_all',
        flags: 'UF,UAEX,URX',
        durationMs: 12.5,
        peerUri: 'spiffe://p',
        localUri: 'spiffe://l',
        authority: 'reviews:9080',
        requestBytes: 10,
        responseBytes: 20,
        responseCode: 200,
        grpc: true,
        grpcStatus: 14,
        received: 0,
        sent: 0,
        type: 6,
        streamId: 'id',
      },
    ],
  });
  const tcp = decodeLogMessage(
    codec.encode('envoy.service.accesslog.v3.StreamAccessLogsMessage', {
      tcp_logs: { log_entry: [{ common_properties: common, connection_properties: { received_bytes: '5', sent_bytes: '6' } }] },
    }),
  );
  assert.deepEqual(
    tcp.entries.map(({ protocol, received, sent }) => [protocol, received, sent]),
    [['tcp', 5, 6]],
  );
  const service = { host: 'reviews.bookinfo.svc.cluster.local', name: 'reviews', namespace: 'bookinfo' };
  const cluster = codec.encode('envoy.config.cluster.v3.Cluster', {
    name: 'c',
    metadata: { filter_metadata: { istio: { services: [service] } } },
    transport_socket_matches: [{ name: 'tls' }],
  });
  const endpoint = {
    endpoint: { address: address('10.0.0.3', 9080) },
    metadata: {
      filter_metadata: {
        istio: { workload: 'reviews-v1;bookinfo;reviews;v1;meltemi' },
        'meltemi.io': { app: 'reviews', version: 'v1', principal: 'spiffe://r' },
        'envoy.transport_socket_match': { tlsMode: 'istio' },
      },
    },
  };
  const assignment = codec.encode('envoy.config.endpoint.v3.ClusterLoadAssignment', { cluster_name: 'c', endpoints: [{ lb_endpoints: [endpoint] }] });
  const facts = createMeshFacts({
    resource: (typeUrl, name) => (name === 'c' ? { name, version: '1', bytes: typeUrl.endsWith('.Cluster') ? cluster : assignment } : undefined),
  });
  assert.deepEqual(
    [facts.services('c'), facts.services('other'), facts.autoMtls('c'), facts.endpoint('c', '10.0.0.9:1')],
    [[service], [], true, undefined],
  );
  assert.deepEqual(facts.endpoint('c', '10.0.0.3:9080'), {
    principal: 'spiffe://r',
    mesh: true,
    labels: {
      workload: 'reviews-v1',
      namespace: 'bookinfo',
      app: 'reviews',
      version: 'v1',
      canonicalService: 'reviews',
      canonicalRevision: 'v1',
      cluster: 'meltemi',
    },
  });
});

test('bytes that are no message end in a MeshError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of [decodeLogMessage, decodeNameTable, decodeCertificateResponse, decodeTelemetryAck]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'protobuf/malformed');
        }
      }
    }),
    { numRuns: 2000 },
  );
});
