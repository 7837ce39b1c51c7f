import { labelKey } from '../../label-key.ts';
import { METRIC } from '../../metrics/standard.ts';
import { EDGE_LABELS, trafficSelectors, window } from '../queries.ts';
import type { Appender } from './context.ts';
import { edgesOfSeries, requestProtocol } from './series.ts';

/** Bytes per second of request or response bodies. The server's report wins, the client's fills the gaps. */
export const throughputAppender: Appender = {
  name: 'throughput',
  async run(map, { options, query }) {
    const metric = `${options.throughputType === 'request' ? METRIC.requestBytes : METRIC.responseBytes}_sum`;
    const labels = [...EDGE_LABELS, 'request_protocol'].join(',');
    const seen = new Set<string>();
    for (const selector of trafficSelectors(options).slice(1)) {
      for (const sample of await query(`sum(rate(${metric}{${selector}}[${window(options)}])) by (${labels}) > 0`, options.queryTimeMs)) {
        const key = labelKey(sample.labels);
        if (seen.has(key)) continue;
        seen.add(key);
        for (const edge of edgesOfSeries(map, sample.labels, [requestProtocol(sample.labels)], options))
          edge.throughputBps = (edge.throughputBps ?? 0) + sample.value;
      }
    }
  },
};
