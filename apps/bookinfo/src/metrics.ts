import { readdirSync } from 'node:fs';
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';

const GC_BUCKETS_SECONDS = [0.001, 0.01, 0.1, 1, 2, 5];
const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

interface GcHistogram {
  readonly counts: number[];
  count: number;
  sum: number;
}

interface Sample {
  readonly labels?: string;
  readonly value: number;
  readonly suffix?: string;
}

/** Runtime metrics of this process in Prometheus' text format, under the names that Node dashboards look for. */
export function createMetrics(): { text(): string } {
  const delay = monitorEventLoopDelay({ resolution: 50 });
  delay.enable();
  const gc = observeGc();
  const startSeconds = Date.now() / 1000 - process.uptime();
  return {
    text: () => [...processLines(startSeconds), ...loopLines(delay), ...heapLines(), ...gcLines(gc), ...versionLines()].join('\n') + '\n',
  };
}

function family(name: string, type: string, help: string, samples: readonly Sample[]): string[] {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
  for (const sample of samples) {
    lines.push(`${name}${sample.suffix ?? ''}${sample.labels === undefined ? '' : `{${sample.labels}}`} ${sample.value}`);
  }
  return lines;
}

function processLines(startSeconds: number): string[] {
  const cpu = process.cpuUsage();
  const lines = [
    ...family('process_cpu_user_seconds_total', 'counter', 'User CPU time in seconds.', [{ value: cpu.user / 1e6 }]),
    ...family('process_cpu_system_seconds_total', 'counter', 'System CPU time in seconds.', [{ value: cpu.system / 1e6 }]),
    ...family('process_cpu_seconds_total', 'counter', 'User and system CPU time in seconds.', [{ value: (cpu.user + cpu.system) / 1e6 }]),
    ...family('process_start_time_seconds', 'gauge', 'Start of the process, Unix seconds.', [{ value: Math.round(startSeconds) }]),
    ...family('process_resident_memory_bytes', 'gauge', 'Resident memory.', [{ value: process.memoryUsage.rss() }]),
  ];
  const descriptors = openDescriptors();
  if (descriptors !== undefined) lines.push(...family('process_open_fds', 'gauge', 'Open file descriptors.', [{ value: descriptors }]));
  return lines;
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined; // not Linux
  }
}

function loopLines(delay: ReturnType<typeof monitorEventLoopDelay>): string[] {
  const seconds = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);
  const resources = process.getActiveResourcesInfo();
  const lines = [
    ...family('nodejs_eventloop_lag_seconds', 'gauge', 'Mean lag of the event loop since the last scrape.', [{ value: seconds(delay.mean) }]),
    ...family('nodejs_eventloop_lag_min_seconds', 'gauge', 'Least lag of the event loop.', [{ value: delay.count === 0 ? 0 : seconds(delay.min) }]),
    ...family('nodejs_eventloop_lag_max_seconds', 'gauge', 'Greatest lag of the event loop.', [{ value: seconds(delay.max) }]),
    ...family('nodejs_eventloop_lag_p50_seconds', 'gauge', 'Median lag of the event loop.', [{ value: seconds(delay.percentile(50)) }]),
    ...family('nodejs_eventloop_lag_p90_seconds', 'gauge', '90th percentile of the lag of the event loop.', [
      { value: seconds(delay.percentile(90)) },
    ]),
    ...family('nodejs_eventloop_lag_p99_seconds', 'gauge', '99th percentile of the lag of the event loop.', [
      { value: seconds(delay.percentile(99)) },
    ]),
    ...family('nodejs_active_handles_total', 'gauge', 'Handles the event loop waits for.', [
      { value: resources.filter((name) => !name.endsWith('Req') && !name.endsWith('Wrap')).length },
    ]),
    ...family('nodejs_active_requests_total', 'gauge', 'Requests under way in libuv.', [
      { value: resources.filter((name) => name.endsWith('Req')).length },
    ]),
  ];
  delay.reset();
  return lines;
}

function heapLines(): string[] {
  const memory = process.memoryUsage();
  const spaces = getHeapSpaceStatistics().map((space) => ({ ...space, labels: `space="${space.space_name.replace(/_space$/, '')}"` }));
  return [
    ...family('nodejs_heap_size_total_bytes', 'gauge', 'Size of the heap.', [{ value: memory.heapTotal }]),
    ...family('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.', [{ value: memory.heapUsed }]),
    ...family('nodejs_external_memory_bytes', 'gauge', 'Memory outside the heap.', [{ value: memory.external }]),
    ...family(
      'nodejs_heap_space_size_total_bytes',
      'gauge',
      'Size of a heap space.',
      spaces.map((s) => ({ labels: s.labels, value: s.space_size })),
    ),
    ...family(
      'nodejs_heap_space_size_used_bytes',
      'gauge',
      'Use of a heap space.',
      spaces.map((s) => ({ labels: s.labels, value: s.space_used_size })),
    ),
    ...family(
      'nodejs_heap_space_size_available_bytes',
      'gauge',
      'Room in a heap space.',
      spaces.map((s) => ({ labels: s.labels, value: s.space_available_size })),
    ),
  ];
}

function observeGc(): ReadonlyMap<string, GcHistogram> {
  const kinds = new Map<string, GcHistogram>();
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = GC_KINDS[(entry as { detail?: { kind?: number } }).detail?.kind ?? -1] ?? 'other';
      record(kinds, kind, entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return kinds;
}

function record(kinds: Map<string, GcHistogram>, kind: string, seconds: number): void {
  const histogram = kinds.get(kind) ?? { counts: GC_BUCKETS_SECONDS.map(() => 0), count: 0, sum: 0 };
  kinds.set(kind, histogram);
  histogram.count += 1;
  histogram.sum += seconds;
  GC_BUCKETS_SECONDS.forEach((bound, index) => {
    if (seconds <= bound) histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  });
}

function gcLines(kinds: ReadonlyMap<string, GcHistogram>): string[] {
  const samples: Sample[] = [];
  for (const [kind, histogram] of kinds) {
    GC_BUCKETS_SECONDS.forEach((bound, index) => {
      samples.push({ suffix: '_bucket', labels: `le="${bound}",kind="${kind}"`, value: histogram.counts[index] ?? 0 });
    });
    samples.push({ suffix: '_bucket', labels: `le="+Inf",kind="${kind}"`, value: histogram.count });
    samples.push({ suffix: '_sum', labels: `kind="${kind}"`, value: histogram.sum });
    samples.push({ suffix: '_count', labels: `kind="${kind}"`, value: histogram.count });
  }
  return family('nodejs_gc_duration_seconds', 'histogram', 'Duration of garbage collections by kind.', samples);
}

function versionLines(): string[] {
  const [major = '0', minor = '0', patch = '0'] = process.versions.node.split('.');
  const labels = `version="v${process.versions.node}",major="${major}",minor="${minor}",patch="${patch}"`;
  return family('nodejs_version_info', 'gauge', 'Version of Node.', [{ labels, value: 1 }]);
}
