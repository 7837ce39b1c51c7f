import type { Clock, Log, Random, Timers } from '@meltemi/base';

/** Time and chance of this process. Timers never keep it alive by themselves. */
const ORIGIN_MS = performance.timeOrigin;
export const systemClock: Clock = { now: () => ORIGIN_MS + performance.now(), monotonic: () => performance.now() };

export const systemTimers: Timers = {
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

export const systemRandom: Random = { next: () => Math.random() };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'off';
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'off'];

/** A log whose level can be changed while it runs. */
export interface LeveledLog extends Log {
  level: LogLevel;
}

/** One line per message: time, level, text, then fields as `key=value`. */
export function createLineLog(level: LogLevel, write: (line: string) => void): LeveledLog {
  const at = (own: LogLevel) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    if (LEVELS.indexOf(own) < LEVELS.indexOf(log.level)) return;
    const rest = Object.entries(fields ?? {}).map(
      ([key, value]) => ` ${key}=${typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? 'undefined')}`,
    );
    write(`${new Date(systemClock.now()).toISOString()} ${own} ${message}${rest.join('')}\n`);
  };
  const log: LeveledLog = { level, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return log;
}

/** The parts that have a log of their own, by Envoy's names: the proxy as a whole, its admin port, the configuration stream, traffic. */
const LOGGERS = ['main', 'admin', 'config', 'connection'] as const;

/** A log for each part of this process, to stderr; `main` is always there. */
export function createLoggers(): ReadonlyMap<string, LeveledLog> {
  return new Map(LOGGERS.map((name) => [name, createLineLog('info', (line) => void process.stderr.write(line))]));
}
