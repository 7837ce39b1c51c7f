import type { BackendScript } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { address, any, cluster, endpoint, http1, to } from '../resources.ts';
import { http, push, type Step } from '../steps.ts';

const TIMES = { timeout: '2s', interval: '0.1s', no_traffic_interval: '0.1s', unhealthy_threshold: 1, healthy_threshold: 1 };
const BY_HTTP = { http_health_check: { path: '/' } };

function refused(name: string, check: object | readonly object[], more: (c: CaseContext) => object = () => ({})): ParityCase {
  const checks = Array.isArray(check) ? (check as readonly object[]) : [check];
  return defineCase({
    name,
    steps: [
      push(
        (c) => ({
          clusters: [{ ...cluster(c, 'main'), name: c.name('checked'), health_checks: checks.map((one) => ({ ...TIMES, ...one })), ...more(c) }],
        }),
        { verdict: 'nack' },
      ),
    ],
  });
}

/** The endpoint of `main`, whose health is looked for elsewhere. */
function elsewhere(c: CaseContext, config: object): object {
  const { endpoint: where } = endpoint(c, 'main') as { readonly endpoint: object };
  return { cluster_name: c.name('checked'), endpoints: [{ lb_endpoints: [{ endpoint: { ...where, health_check_config: config } }] }] };
}

function checked(name: string, check: object, probe: BackendScript, step: Step): ParityCase {
  return defineCase({
    name,
    backends: { main: [{ body: 'main' }], probe },
    resources: (c) => {
      const { host, port } = c.backend('probe');
      const load_assignment = elsewhere(c, { address: address(host, port) });
      const options = {
        health_checks: [{ ...TIMES, ...check }],
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
        load_assignment,
      };
      return http1(c, [to(c, 'checked')], {}, [cluster(c, 'checked', options, [])]);
    },
    steps: [step],
    // The checks go on beside the requests.
    random: ['*.backend'],
    log: 'not compared',
  });
}

const up: Step = http('/', { status: 200, body: 'main' });
const down: Step = http('/', { status: 503, body: 'no healthy upstream' }, { eventually: true });
const FILE_SINK = 'health_check.event_sinks.file.v3.HealthCheckEventFileSink';

/** Details of active health checks. */
export const cases = [
  refused('two health checks', [BY_HTTP, { tcp_health_check: {} }]),
  refused('no kind of check', {}),
  refused('no interval without traffic', { ...BY_HTTP, no_traffic_interval: '0s' }),
  refused('a GET with a body', { http_health_check: { path: '/', send: { text: '6162' } } }),
  refused('an empty body', { http_health_check: { path: '/', method: 'POST', send: { text: '' } } }),
  refused('a payload that is no hexadecimal text', { tcp_health_check: { send: { text: 'xy' } } }),
  refused('CONNECT', { http_health_check: { path: '/', method: 'CONNECT' } }),
  refused('statuses below 100', { http_health_check: { path: '/', expected_statuses: [{ start: 99, end: 200 }] } }),
  refused('gRPC to a cluster that speaks HTTP/1.1', { grpc_health_check: {} }),
  refused('an event log without a path', { ...BY_HTTP, event_logger: [{ name: 'file', typed_config: any(FILE_SINK) }] }),
  refused('no threshold', { ...BY_HTTP, unhealthy_threshold: undefined }),
  checked('elsewhere, and it is fine', BY_HTTP, [{}], up),
  checked('elsewhere, and it is not', BY_HTTP, [{ status: 500 }], down),
  checked('a POST whose body the host gets', { http_health_check: { path: '/', method: 'POST', send: { text: '616263' } } }, [{ body: 'x' }], up),
  checked(
    'a body that comes back',
    { http_health_check: { path: '/', method: 'PUT', send: { binary: 'YWJj' }, receive: [{ text: '6f6b' }] } },
    [{ body: 'it is ok' }],
    up,
  ),
  checked(
    'TCP behind a header of the PROXY protocol',
    { tcp_health_check: { proxy_protocol_config: { version: 'V1' }, send: { text: '61' }, receive: [{ text: '50524f5859' }] } },
    { t: 'tcp', tcp: { echo: true } },
    up,
  ),
];
