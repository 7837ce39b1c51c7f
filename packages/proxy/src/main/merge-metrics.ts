import { jsonNumber, type HistogramSeries, type MetricRegistry, type ScalarSeries, type TelemetryBatch } from '@meltemi/telemetry/recording';

/** Takes the batches of one thread into a registry: one series of its own for each of the thread's; the registry adds up equal labels. */
export function createMerge(registry: MetricRegistry, now: () => number): (batch: TelemetryBatch) => void {
  const scalars = new Map<number, ScalarSeries>();
  const histograms = new Map<number, HistogramSeries>();

  const define = ({ id = 0, name = '', kind, labels = {}, bounds = [] }: NonNullable<TelemetryBatch['series']>[number]): void => {
    if (kind === 'HISTOGRAM') histograms.set(id, registry.histogram(name, labels, bounds.map(jsonNumber), now()));
    else scalars.set(id, kind === 'GAUGE' ? registry.gauge(name, labels, now()) : registry.counter(name, labels, now()));
  };
  const setHistogram = ({ id = 0, sum, counts = [] }: NonNullable<TelemetryBatch['histograms']>[number]): void => {
    const series = histograms.get(id);
    if (series === undefined) return;
    series.counts.set(counts.map(jsonNumber));
    series.count = series.counts.reduce((total, count) => total + count, 0);
    series.sum = jsonNumber(sum);
  };

  return ({ series = [], sample_ids = [], sample_values = [], histograms: samples = [], retired_ids = [] }) => {
    series.forEach(define);
    sample_ids.forEach((id, index) => {
      const scalar = scalars.get(id);
      if (scalar !== undefined) scalar.value = jsonNumber(sample_values[index]);
    });
    samples.forEach(setHistogram);
    for (const id of retired_ids) {
      scalars.delete(id);
      histograms.delete(id);
    }
  };
}
