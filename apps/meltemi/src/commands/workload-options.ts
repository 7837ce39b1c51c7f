import { MeshError } from '@meltemi/base';
import { PROXY_NODE_OPTIONS, type DataPlane, type WorkloadPort } from '@meltemi/agent';
import { fileURLToPath } from 'node:url';

/** Main of the product, for processes that we start. */
export const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** `9080`, `9080:http`, `5432:tcp`, several with commas. */
export function parsePorts(text: string | undefined): readonly WorkloadPort[] {
  if (text === undefined || text === '') return [];
  return text.split(',').map((part) => {
    const [number = '', protocol = 'http'] = part.trim().split(':');
    const port = Number(number);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new MeshError(
        'cli/usage',
        `--port "${part}": "${number}" is not a port. Examples: --port 9080, --port 5432:tcp, --port 8080:http,9090:grpc`,
      );
    return { number: port, protocol };
  });
}

/** `team=a,tier=b`. */
export function parseLabels(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined || text === '') return {};
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [key = '', value, ...rest] = part.split('=');
      if (key === '' || value === undefined || rest.length > 0) throw new MeshError('cli/usage', `--labels "${part}" is not of the form name=value`);
      return [key, value] as const;
    }),
  );
}

/** `--data-plane` and the command that starts it. */
export function dataPlaneOf(name: string | undefined): DataPlane {
  if (name === 'envoy') return { t: 'envoy' };
  return { t: 'embedded', command: [process.execPath, ...PROXY_NODE_OPTIONS, MAIN, 'proxy-worker'] };
}

/** `--interception`. */
export function interceptionOf(name: string | undefined): 'auto' | 'netns' | 'ports' {
  return name === 'netns' || name === 'ports' ? name : 'auto';
}

export const dataPlaneOption = {
  flags: '--data-plane <name>',
  text: 'the proxy: ours, or a stock Envoy (found by MELTEMI_ENVOY or on PATH)',
  choices: ['embedded', 'envoy'],
  default: 'embedded',
} as const;

export const interceptionOption = {
  flags: '--interception <mode>',
  text: 'netns: own network namespace, nothing changes for the application (Linux, root); ports: loopback addresses that the application is told; auto: what works',
  choices: ['auto', 'netns', 'ports'],
  default: 'auto',
} as const;

export const readyPathOption = {
  flags: '--ready-path <path>',
  text: 'path on the first HTTP port that answers 2xx when the application is ready (else: when it listens on all ports)',
} as const;

/** `--group`; its members run as the account of the group. */
export function groupOf(options: Readonly<Record<string, unknown>>): { readonly group?: string } {
  const group = options['group'];
  if (typeof group !== 'string') return {};
  if (options['serviceAccount'] !== undefined)
    throw new MeshError(
      'cli/usage',
      '--service-account and --group exclude each other: members run as the account that the template of the WorkloadGroup names',
    );
  return { group };
}

/** `--ready-path`. */
export function readinessOf(path: string | undefined): { readonly readyPath?: string } {
  return path === undefined ? {} : { readyPath: path };
}
