import { MeshError } from '@meltemi/base';
import { text } from '../define-command.ts';

/** What `demo` was asked for, checked. */
export interface DemoOptions {
  readonly dataPlane: 'embedded' | 'envoy';
  readonly interception: 'auto' | 'netns' | 'ports';
  /** 0 takes a free one; undefined the default, or a free one when that is taken. */
  readonly gatewayPort: number | undefined;
  readonly consolePort: number | undefined;
  /** Requests per second of the load generator; 0 for none. */
  readonly loadRps: number;
  /** Folders of configuration besides the samples; read only to `apply`. */
  readonly configDirs: readonly string[];
  readonly stateDir: string | undefined;
  /** Address that gateway and console bind. */
  readonly bind: string;
  readonly certTtl: string | undefined;
  /** Format of the proxies' access log. */
  readonly accessLog: string;
  readonly json: boolean;
}

export const DEFAULT_GATEWAY_PORT = 8080;
export const DEFAULT_CONSOLE_PORT = 20001;

export function readDemoOptions(options: Readonly<Record<string, unknown>>): DemoOptions {
  const dataPlane = text(options, 'dataPlane');
  const interception = text(options, 'interception');
  const config = options['config'];
  return {
    dataPlane: dataPlane === 'envoy' ? 'envoy' : 'embedded',
    interception: interception === 'netns' || interception === 'ports' ? interception : 'auto',
    gatewayPort: portOf(text(options, 'gatewayPort'), '--gateway-port'),
    consolePort: portOf(text(options, 'consolePort'), '--console-port'),
    loadRps: numberOf(text(options, 'load') ?? '5', '--load', 0, 10_000),
    configDirs: Array.isArray(config) ? (config as string[]) : [],
    stateDir: text(options, 'stateDir'),
    bind: text(options, 'bind') ?? '127.0.0.1',
    certTtl: text(options, 'certTtl'),
    accessLog: text(options, 'accessLog') ?? 'text',
    json: options['json'] === true,
  };
}

function portOf(value: string | undefined, flag: string): number | undefined {
  return value === undefined ? undefined : numberOf(value, flag, 0, 65_535);
}

function numberOf(value: string, flag: string, least: number, most: number): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number < least || number > most)
    throw new MeshError('cli/usage', `${flag} ${value}: expected a number from ${least} to ${most}`);
  return number;
}
