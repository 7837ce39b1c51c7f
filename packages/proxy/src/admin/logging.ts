import type { LogLevel } from '../main/ports.ts';
import { text, type AdminContext, type AdminEndpoint } from './context.ts';

/** Envoy's names of levels, and ours for the same. */
const LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ['trace', 'debug'],
  ['debug', 'debug'],
  ['info', 'info'],
  ['warning', 'warn'],
  ['warn', 'warn'],
  ['error', 'error'],
  ['critical', 'error'],
  ['off', 'off'],
]);

const USAGE = `
usage: /logging?<name>=<level> (change single level)
usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
usage: /logging?level=<level> (change all levels)
levels: trace debug info warning error critical off
`;

/** Envoy's `/logging`: shows and changes the levels of the parts' logs. */
export const loggingEndpoint: AdminEndpoint = {
  path: '/logging',
  help: 'query/change logging levels',
  params: {
    paths: 'Change multiple logging levels by setting to <logger_name1>:<desired_level1>,<logger_name2>:<desired_level2>',
    level: "desired logging level, this will change all loggers's level; One of (, trace, debug, info, warning, error, critical, off)",
  },
  write: true,
  async handle(context, { query }) {
    const fault = await change(context, [...query]);
    const list = [...context.loggers].map(([name, { level }]) => `  ${name}: ${level === 'warn' ? 'warning' : level}\n`).join('');
    return fault === undefined ? text(`active loggers:\n${list}\n`) : text(`error: ${fault}\n${USAGE}active loggers:\n${list}\n`, 400);
  },
};

/** Answers what is wrong; then nothing is changed. */
async function change(context: AdminContext, query: readonly (readonly [string, string])[]): Promise<string | undefined> {
  const [first] = query;
  if (query.length > 1) return 'invalid number of parameters';
  if (first === undefined || first[1] === '') return undefined;
  const settings = wishes(context, first).map(([name, level]) => ({ log: context.loggers.get(name), level: LEVELS.get(level) }));
  if (settings.some(({ log }) => log === undefined)) return 'unknown logger name';
  if (settings.some(({ level }) => level === undefined)) return 'unknown logger level';
  for (const { log, level } of settings) if (log !== undefined && level !== undefined) log.level = level;
  const traffic = context.loggers.get('connection');
  if (traffic !== undefined) await context.order({ t: 'log-level', level: traffic.level });
  return undefined;
}

/** Which logger is to have which level. */
function wishes({ loggers }: AdminContext, [key, value]: readonly [string, string]): readonly (readonly [string, string])[] {
  if (key === 'level') return [...loggers.keys()].map((name) => [name, value] as const);
  return key === 'paths' ? pairs(value) : [[key, value]];
}

const pairs = (text: string): readonly (readonly [string, string])[] =>
  text.split(',').map((part) => {
    const colon = part.lastIndexOf(':');
    return [part.slice(0, colon), part.slice(colon + 1)] as const;
  });
