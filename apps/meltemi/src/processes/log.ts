import type { Log } from '@meltemi/base';
import type { Output } from '../output/output.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

/** One line per entry on stderr: time, level, who, what, `name=value` fields. MELTEMI_LOG sets the least level (default warn). */
export function createLog(who: string, out: Output, env: NodeJS.ProcessEnv = process.env): Log {
  const wanted = LEVELS.indexOf((env['MELTEMI_LOG'] ?? 'warn') as Level);
  const least = wanted < 0 ? LEVELS.indexOf('warn') : wanted;
  const write =
    (level: Level) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      if (LEVELS.indexOf(level) < least) return;
      const rest = Object.entries(fields).map(
        ([key, value]) => ` ${key}=${typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? 'undefined')}`,
      );
      out.note(`${new Date().toISOString()} ${level} ${who}: ${message}${rest.join('')}`);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
