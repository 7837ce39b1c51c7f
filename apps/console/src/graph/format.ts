/** A number with two decimals, trailing zeros cut: `1.5`, `0.01`, `12`. */
export function trimmed(value: number, decimals = 2): string {
  const text = value.toFixed(decimals);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Milliseconds below a second, seconds above: `12ms`, `1.25s`. */
export function formatDuration(ms: number): string {
  return ms < 1000 ? `${trimmed(ms, ms < 10 ? 1 : 0)}ms` : `${trimmed(ms / 1000)}s`;
}

/** Bytes per second in steps of 1024, as graph labels have it: `512bps`, `1.5kps`, `2mps`. */
export function formatThroughput(bytesPerSecond: number): string {
  // Decimals only where they say something: a label has little room.
  const short = (value: number): string => trimmed(value, value < 10 ? 2 : value < 100 ? 1 : 0);
  if (bytesPerSecond < 1024) return `${short(bytesPerSecond)}bps`;
  if (bytesPerSecond < 1024 * 1024) return `${short(bytesPerSecond / 1024)}kps`;
  return `${short(bytesPerSecond / (1024 * 1024))}mps`;
}

/** Bytes per second for panels: `512 B/s`, `1.5 KiB/s`. */
export function formatByteRate(bytesPerSecond: number): string {
  if (bytesPerSecond < 1024) return `${trimmed(bytesPerSecond)} B/s`;
  if (bytesPerSecond < 1024 * 1024) return `${trimmed(bytesPerSecond / 1024)} KiB/s`;
  return `${trimmed(bytesPerSecond / (1024 * 1024))} MiB/s`;
}

/** A share in percent: one decimal below 10 when it has one, none above. */
export function formatPercent(percent: number): string {
  return `${trimmed(percent, percent < 10 || (percent > 99 && percent < 100) ? 1 : 0)}%`;
}

/** `Last 1m`, `Last 3h`: the words of the duration picker. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${trimmed(seconds / 60, 0)}m`;
  if (seconds < 86_400) return `${trimmed(seconds / 3600, 0)}h`;
  return `${trimmed(seconds / 86_400, 0)}d`;
}
