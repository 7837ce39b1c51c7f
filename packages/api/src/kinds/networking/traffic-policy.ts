import { z } from 'zod';
import {
  count,
  destinationPort,
  duration,
  durationMin1ms,
  filePath,
  nonEmpty,
  opt,
  portNumber,
  req,
  secretName,
  text,
  uint32,
  uint64,
} from '../../schema/fields.ts';
import { controlFault, hostFault } from '../../schema/formats.ts';
import { oneOf } from '../../schema/one-of.ts';

/** Envoy makes no larger rings. */
const ringSize = uint64.max(8_388_608);
/** As long as TLS can say it. */
const serverName = text(controlFault).max(255);
const tunnelHost = text((value) => hostFault(value, { wildcard: false, ip: true }));

const failoverList = z.array(z.strictObject({ from: opt(z.string(), 'Region.'), to: opt(z.string(), 'Region.') }));
export const localityLb = oneOf(
  z.strictObject({
    distribute: opt(
      z.array(
        z.strictObject({
          from: opt(z.string(), 'region/zone/subzone, with *.'),
          to: opt(z.record(z.string(), uint32), 'Locality to percent; sums to 100.'),
        }),
      ),
      'Explicit shares.',
    ),
    failover: opt(failoverList, 'Where traffic of a region goes when it is unhealthy.'),
    failoverPriority: opt(z.array(z.string()), 'Labels whose agreement orders endpoints.'),
    enabled: opt(z.boolean(), 'Switches locality load balancing.'),
  }),
  ['distribute', 'failover', 'failoverPriority'],
);
export const zoneAwareLb = z.strictObject({
  enabled: opt(z.boolean(), 'Switches zone-aware routing.'),
  failover: opt(failoverList, 'Where traffic goes when a zone is unhealthy.'),
  failoverPriority: opt(z.array(z.string()), 'Labels whose agreement orders endpoints.'),
  minClusterSize: opt(uint64, 'Endpoints below which it stays off.'),
});
/** Part of a Set-Cookie line: nothing in it may begin another part, or another line. */
const cookieText = (minLength: number) =>
  text((value) => {
    if (value.length < minLength) return 'must not be empty';
    return value.includes(';') ? `"${value}" holds a ";", which ends a part of a cookie` : controlFault(value);
  });
const httpCookie = z.strictObject({
  name: req(cookieText(1), 'Name of the cookie.'),
  path: opt(cookieText(0), 'Path of the cookie.'),
  ttl: opt(duration, 'Life time; 0s makes a session cookie.'),
  attributes: opt(z.array(z.strictObject({ name: req(cookieText(1), 'Attribute.'), value: opt(cookieText(0), 'Its value.') })), 'More attributes.'),
});
const consistentHash = oneOf(
  oneOf(
    z.strictObject({
      httpHeaderName: opt(nonEmpty, 'Hash of this header.'),
      httpCookie: opt(httpCookie, 'Hash of this cookie.'),
      useSourceIp: opt(z.boolean(), 'Hash of the source address.'),
      httpQueryParameterName: opt(nonEmpty, 'Hash of this query parameter.'),
      ringHash: opt(z.strictObject({ minimumRingSize: opt(ringSize, 'Default 1024.') }), 'Ring hash.'),
      maglev: opt(z.strictObject({ tableSize: opt(uint64, 'A prime below 5000011; default 65537.') }), 'Maglev.'),
      minimumRingSize: opt(ringSize, 'Deprecated: use ringHash.'),
    }),
    ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'],
    { required: true },
  ),
  ['ringHash', 'maglev'],
);
const loadBalancer = oneOf(
  oneOf(
    z.strictObject({
      simple: opt(
        z.enum(['UNSPECIFIED', 'LEAST_CONN', 'RANDOM', 'PASSTHROUGH', 'ROUND_ROBIN', 'LEAST_REQUEST']),
        'How an endpoint is chosen; default LEAST_REQUEST (the better of two).',
      ),
      consistentHash: opt(consistentHash, 'Same key, same endpoint.'),
      localityLbSetting: opt(localityLb, 'Preference of near endpoints.'),
      zoneAwareLbSetting: opt(zoneAwareLb, 'Preference of the own zone.'),
      warmupDurationSecs: opt(duration, 'Deprecated: use warmup.'),
      warmup: opt(
        z.strictObject({
          duration: req(durationMin1ms, 'How long a new endpoint warms up.'),
          minimumPercent: opt(z.number().min(0).max(100), 'Share at the start; default 10.'),
          aggression: opt(z.number().min(1), 'Speed of growth; default 1.'),
        }),
        'New endpoints get traffic slowly.',
      ),
    }),
    ['simple', 'consistentHash'],
  ),
  ['localityLbSetting', 'zoneAwareLbSetting'],
);

export const connectionPool = z.strictObject({
  tcp: opt(
    z.strictObject({
      maxConnections: opt(count, 'Connections to the service at most, per proxy.'),
      connectTimeout: opt(durationMin1ms, 'Time-out of connecting; default 10s.'),
      tcpKeepalive: opt(
        z.strictObject({
          probes: opt(uint32, 'Probes before giving up.'),
          time: opt(durationMin1ms, 'Idle time before probes.'),
          interval: opt(durationMin1ms, 'Time between probes.'),
        }),
        'TCP keepalive.',
      ),
      maxConnectionDuration: opt(durationMin1ms, 'Connections older than this are closed.'),
      idleTimeout: opt(duration, 'Idle connections are closed; default 1h.'),
    }),
    'For every protocol.',
  ),
  http: opt(
    z.strictObject({
      http1MaxPendingRequests: opt(count, 'Requests that may wait for a connection.'),
      http2MaxRequests: opt(count, 'Requests at a time, of every HTTP version.'),
      maxRequestsPerConnection: opt(count, 'Requests on one connection; 1 switches keep-alive off, 0 means no limit.'),
      maxRetries: opt(count, 'Retries at a time.'),
      idleTimeout: opt(durationMin1ms, 'Idle upstream connections are closed; default 1h.'),
      h2UpgradePolicy: opt(z.enum(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE']), 'Whether HTTP/1.1 becomes HTTP/2.'),
      useClientProtocol: opt(z.boolean(), 'Call with the protocol of the caller.'),
      maxConcurrentStreams: opt(count, 'Streams on one HTTP/2 connection.'),
      http2KeepAlive: opt(
        z.strictObject({ interval: opt(durationMin1ms, 'Time between pings.'), timeout: opt(durationMin1ms, 'Wait for an answer.') }),
        'HTTP/2 pings.',
      ),
    }),
    'For HTTP.',
  ),
});

export const outlierDetection = z.strictObject({
  consecutiveErrors: opt(count, 'Deprecated: use consecutive5xxErrors.'),
  splitExternalLocalOriginErrors: opt(z.boolean(), 'Count connect failures apart.'),
  consecutiveLocalOriginFailures: opt(uint32, 'Connect failures before ejection.'),
  consecutiveGatewayErrors: opt(uint32, '502, 503, 504 before ejection.'),
  consecutive5xxErrors: opt(uint32, '5xx before ejection; default 5.'),
  interval: opt(durationMin1ms, 'Time between sweeps; default 10s.'),
  baseEjectionTime: opt(durationMin1ms, 'Shortest ejection; default 30s.'),
  maxEjectionPercent: opt(z.int().min(0).max(100), 'Endpoints ejected at most; default 10.'),
  minHealthPercent: opt(z.int().min(0).max(100), 'Below this share of healthy endpoints all are used.'),
  outlierDetectionHttpErrorCodes: opt(z.array(z.int().min(100).max(599)), 'Statuses that count as errors, instead of the class 5xx.'),
});

const clientTls = z.strictObject({
  mode: opt(z.enum(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']), 'DISABLE: plain; ISTIO_MUTUAL: mutual TLS with the certificates of the mesh.'),
  clientCertificate: opt(filePath, 'Path of a certificate.'),
  privateKey: opt(filePath, 'Path of its key.'),
  caCertificates: opt(filePath, 'Path of the certificates to trust.'),
  credentialName: opt(secretName, 'Secret that holds certificate and key.'),
  subjectAltNames: opt(z.array(z.string()), 'Names that the server may have.'),
  sni: opt(serverName, 'Server name to ask for.'),
  insecureSkipVerify: opt(z.boolean(), 'Do not check the server.'),
  caCrl: opt(filePath, 'Path of a revocation list.'),
});

const portTrafficPolicy = z.strictObject({
  port: req(destinationPort, 'Port of the service.'),
  loadBalancer: opt(loadBalancer, 'How an endpoint is chosen.'),
  connectionPool: opt(connectionPool, 'Limits.'),
  outlierDetection: opt(outlierDetection, 'Ejection of failing endpoints.'),
  tls: opt(clientTls, 'TLS towards the service.'),
});

export const trafficPolicy = z.strictObject({
  loadBalancer: opt(loadBalancer, 'How an endpoint is chosen.'),
  connectionPool: opt(connectionPool, 'Limits.'),
  outlierDetection: opt(outlierDetection, 'Ejection of failing endpoints.'),
  tls: opt(clientTls, 'TLS towards the service.'),
  portLevelSettings: opt(z.array(portTrafficPolicy), 'Policies of single ports; they inherit nothing.'),
  tunnel: opt(
    z.strictObject({ protocol: opt(z.string(), 'CONNECT or POST.'), targetHost: req(tunnelHost, 'Host.'), targetPort: req(portNumber, 'Port.') }),
    'Tunnel TCP through HTTP.',
  ),
  proxyProtocol: opt(z.strictObject({ version: opt(z.enum(['V1', 'V2']), 'Version.') }), 'Send the PROXY protocol.'),
  retryBudget: opt(
    z.strictObject({
      percent: opt(z.number().min(0).max(100), 'Default 20.'),
      minRetryConcurrency: opt(uint32, 'Default 3.'),
      budgetInterval: opt(duration, 'Default 0.'),
    }),
    'Limit of retries as a share of requests.',
  ),
});
