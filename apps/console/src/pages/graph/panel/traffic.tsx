import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { rangeQuery, type Series } from '../../../api/prometheus.ts';
import { RangeChart, type ChartLine } from '../../../components/range-chart.tsx';
import { StackedBar } from '../../../components/stacked-bar.tsx';
import { formatByteRate, formatPercent, trimmed } from '../../../graph/format.ts';
import { isError } from '../../../graph/health.ts';
import { errorShare, type Rates } from '../../../graph/model.ts';
import type { TrafficSummary } from '../../../graph/summary.ts';
import { useOptions } from '../../../url/router.ts';
import { sumPoints } from '../../overview/model.ts';

/** Rates of a set of edges: a table and a bar per protocol, what has no traffic left out. */
export function TrafficRates({ traffic }: { readonly traffic: TrafficSummary }): ReactElement {
  const none = traffic.http.total === 0 && traffic.grpc.total === 0 && traffic.tcp === 0;
  return (
    <>
      {traffic.http.total > 0 && <RateTable title="HTTP (requests per second)" rates={traffic.http} />}
      {traffic.grpc.total > 0 && <RateTable title="gRPC (requests per second)" rates={traffic.grpc} grpc />}
      {traffic.tcp > 0 && (
        <section>
          <h3>TCP (bytes per second)</h3>
          <table className="rate-table">
            <tbody>
              <tr>
                <th>Sent</th>
                <td>{formatByteRate(traffic.tcp)}</td>
              </tr>
            </tbody>
          </table>
        </section>
      )}
      {none && <p className="quiet">No traffic</p>}
    </>
  );
}

function RateTable({ title, rates, grpc = false }: { readonly title: string; readonly rates: Rates; readonly grpc?: boolean }): ReactElement {
  const errors = errorShare(rates);
  return (
    <section>
      <h3>{title}</h3>
      <table className="rate-table">
        <thead>
          <tr>
            <th>Total</th>
            <th>%Success</th>
            <th>%Error</th>
          </tr>
        </thead>
        <tbody>
          <tr data-testid="rates">
            <td>{trimmed(rates.total)}</td>
            <td>{formatPercent(100 - errors)}</td>
            <td>{formatPercent(errors)}</td>
          </tr>
        </tbody>
      </table>
      <StackedBar rates={rates} grpc={grpc} />
    </section>
  );
}

/** Requests and failed requests over time, for a selector of `istio_requests_total`. */
export function RequestChart({ selector, title = 'Requests' }: { readonly selector: string; readonly title?: string }): ReactElement {
  const [options] = useOptions();
  const { data = [] } = useQuery(
    rangeQuery(
      `sum by (response_code, grpc_response_status, request_protocol) (rate(istio_requests_total{${selector}}[${windowOf(options.durationSeconds)}]))`,
      options.durationSeconds,
      options.refreshMs,
    ),
  );
  const requests = sumPoints(data);
  const failed = new Map(sumPoints(data.filter(failedSeries)));
  const errors = requests.map(([time, total]) => [time, total > 0 ? ((failed.get(time) ?? 0) / total) * 100 : 0] as const);
  return (
    <>
      <RangeChart
        title={`${title} (min / max)`}
        format={(value) => `${trimmed(value)} rps`}
        lines={[{ name: 'RPS', color: 'var(--tcp)', points: requests, area: true }]}
      />
      <RangeChart
        title="Errors (min / max)"
        format={(value) => formatPercent(value)}
        lines={[{ name: '%Error', color: 'var(--danger)', points: errors, area: true }]}
      />
    </>
  );
}

function failedSeries({ labels }: Series): boolean {
  const code = labels['response_code'] === '0' ? '-' : (labels['response_code'] ?? '');
  if (labels['request_protocol'] === 'grpc' && (code === '200' || code === '')) return isError('grpc', labels['grpc_response_status'] ?? '0');
  return isError('http', code);
}

/** Bytes over time, for a selector of the TCP metrics. */
export function TcpChart({ selector }: { readonly selector: string }): ReactElement {
  const [options] = useOptions();
  const of = (metric: string): string => `sum(rate(${metric}{${selector}}[${windowOf(options.durationSeconds)}]))`;
  // Istio counts from the server's side: what it received is what the client sent.
  const { data: sent = [] } = useQuery(rangeQuery(of('istio_tcp_received_bytes_total'), options.durationSeconds, options.refreshMs));
  const { data: received = [] } = useQuery(rangeQuery(of('istio_tcp_sent_bytes_total'), options.durationSeconds, options.refreshMs));
  return (
    <RangeChart
      title="TCP (min / max)"
      format={formatByteRate}
      lines={[
        { name: 'Sent', color: 'var(--tcp)', points: sumPoints(sent) },
        { name: 'Received', color: 'var(--success)', points: sumPoints(received) },
      ]}
    />
  );
}

const QUANTILES = [
  ['p50', 0.5, 'var(--success)'],
  ['p95', 0.95, 'var(--warning)'],
  ['p99', 0.99, 'var(--danger)'],
] as const;

/** Average and quantiles of the response time over time. */
export function ResponseTimeChart({ selector }: { readonly selector: string }): ReactElement {
  const [options] = useOptions();
  const window = windowOf(options.durationSeconds);
  const average = useQuery(
    rangeQuery(
      `sum(rate(istio_request_duration_milliseconds_sum{${selector}}[${window}])) / sum(rate(istio_request_duration_milliseconds_count{${selector}}[${window}]))`,
      options.durationSeconds,
      options.refreshMs,
    ),
  );
  const quantile = (q: number): string =>
    `histogram_quantile(${q}, sum by (le) (rate(istio_request_duration_milliseconds_bucket{${selector}}[${window}])))`;
  const answers = [
    useQuery(rangeQuery(quantile(0.5), options.durationSeconds, options.refreshMs)),
    useQuery(rangeQuery(quantile(0.95), options.durationSeconds, options.refreshMs)),
    useQuery(rangeQuery(quantile(0.99), options.durationSeconds, options.refreshMs)),
  ];
  const lines: ChartLine[] = [
    { name: 'Average', color: 'var(--tcp)', points: average.data?.[0]?.points ?? [] },
    ...QUANTILES.map(([name, , color], index) => ({ name, color, points: answers[index]?.data?.[0]?.points ?? [] })),
  ];
  return (
    <RangeChart
      title="Response time (min / max)"
      format={(value) => `${trimmed(value, value < 10 ? 1 : 0)} ms`}
      lines={lines.filter((line) => line.points.length > 0)}
    />
  );
}

/** The window of a rate: the chosen time, at most a minute, so that a chart has a course. */
function windowOf(durationSeconds: number): string {
  return `${Math.min(60, durationSeconds)}s`;
}
