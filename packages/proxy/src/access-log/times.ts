let cachedSecond = -1;
let cachedText = '';

/** `2026-01-02T03:04:05.678Z`; the part up to the second is kept, as most lines of a second share it. */
function isoTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedText = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const ms = Math.floor(timeMs - second * 1000);
  return `${cachedText}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
}

/** `%START_TIME(%Y/%m/%d)%`; specifiers of strftime that logs use, and Envoy's `%3f`, `%6f`, `%s`. */
export function formatTime(timeMs: number, format: string): string {
  if (format === '') return isoTime(timeMs);
  return fill(format, new Date(timeMs).toISOString(), { timeMs, zone: 'UTC', offset: '+0000' });
}

/** The same on the clock of the machine. */
export function formatLocalTime(timeMs: number, format: string): string {
  const minutes = -new Date(timeMs).getTimezoneOffset();
  const shifted = new Date(timeMs + minutes * 60_000).toISOString();
  const size = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`;
  if (format === '') return `${shifted.slice(0, 23)}${offset === '+0000' ? 'Z' : `${offset.slice(0, 3)}:${offset.slice(3)}`}`;
  return fill(format, shifted, { timeMs, zone: offset === '+0000' ? 'UTC' : offset, offset });
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

interface Zone {
  readonly timeMs: number;
  readonly zone: string;
  readonly offset: string;
}

/** `iso` says what the clock shows. */
function fill(format: string, iso: string, { timeMs, zone, offset }: Zone): string {
  const parts: Readonly<Record<string, string>> = {
    Y: iso.slice(0, 4),
    y: iso.slice(2, 4),
    m: iso.slice(5, 7),
    d: iso.slice(8, 10),
    e: iso.slice(8, 10).replace(/^0/, ' '),
    b: MONTHS[Number(iso.slice(5, 7)) - 1] ?? '',
    a: DAYS[new Date(iso).getUTCDay()] ?? '',
    H: iso.slice(11, 13),
    M: iso.slice(14, 16),
    S: iso.slice(17, 19),
    F: iso.slice(0, 10),
    T: iso.slice(11, 19),
    Z: zone,
    z: offset,
    s: String(Math.floor(timeMs / 1000)),
    f: `${iso.slice(20, 23)}000000`,
    '%': '%',
  };
  return format.replace(/%([1-9]f|[A-Za-z%])/g, (whole, specifier: string) =>
    specifier.endsWith('f') && specifier.length === 2 ? `${iso.slice(20, 23)}000000`.slice(0, Number(specifier[0])) : (parts[specifier] ?? whole),
  );
}

const MOMENTS: Readonly<Record<string, (times: Moments) => number>> = {
  DS_RX_BEG: (times) => times.startMs,
  DS_RX_END: (times) => times.requestEndMs,
  US_TX_BEG: (times) => times.upstreamStartMs,
  US_TX_END: (times) => sentMs(times),
  US_RX_BEG: (times) => times.upstreamFirstByteMs,
  US_RX_END: (times) => times.upstreamEndMs,
  DS_TX_BEG: (times) => (times.upstreamFirstByteMs === 0 ? times.endMs : times.upstreamFirstByteMs),
  DS_TX_END: (times) => times.endMs,
};

/** Moments of a stream; 0 = it never came. */
interface Moments {
  readonly startMs: number;
  readonly requestEndMs: number;
  readonly upstreamStartMs: number;
  readonly upstreamFirstByteMs: number;
  readonly upstreamEndMs: number;
  readonly endMs: number;
}

/** When the last byte of the request had gone to the upstream. */
export function sentMs({ upstreamStartMs, requestEndMs }: Moments): number {
  return upstreamStartMs === 0 || requestEndMs === 0 ? 0 : Math.max(upstreamStartMs, requestEndMs);
}

const PRECISIONS: Readonly<Record<string, number>> = { ms: 1, us: 1e3, ns: 1e6 };

/** `%COMMON_DURATION(start:end:precision)%`; undefined = one of the two never came. */
export function commonDuration(argument: string): (times: Moments) => number | undefined {
  const [start = '', end = '', precision = ''] = argument.split(':');
  const [from, to, factor] = [MOMENTS[start], MOMENTS[end], PRECISIONS[precision] ?? 1];
  return (times) => {
    const [a, b] = [from?.(times) ?? 0, to?.(times) ?? 0];
    return a === 0 || b === 0 ? undefined : Math.floor((b - a) * factor);
  };
}
