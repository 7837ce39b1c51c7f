import { MeshError } from '@meltemi/base';
import { defineCommand, text } from '../define-command.ts';
import { serverPort } from '../processes/ports.ts';

export const controlPlane = defineCommand({
  name: 'control-plane',
  summary: 'Run the control plane: configuration, xDS, certificates, telemetry and the console',
  help: 'Serves xDS and certificates on 15012 (mutual TLS), the configuration API and metrics on 15014 and the console on 20001. Its state is kept in the state directory.\nWorkloads join with "meltemi run" and "meltemi proxy".',
  examples: ['meltemi control-plane', 'meltemi control-plane --config ./mesh --state-dir ./state', 'meltemi control-plane --plaintext-xds'],
  options: [
    { flags: '--config <dir...>', text: 'folders with configuration; watched, read only to "apply"' },
    { flags: '--state-dir <dir>', text: 'where state is kept (else MELTEMI_STATE, else ~/.local/state/meltemi)' },
    { flags: '--bind <address>', text: 'address that the console and the API listen on', default: '127.0.0.1' },
    { flags: '--console-port <port>', text: 'port of the console', default: '20001' },
    { flags: '--api-port <port>', text: 'port of the configuration API and metrics', default: '15014' },
    { flags: '--xds-port <port>', text: 'port of xDS and certificates (mutual TLS)', default: '15012' },
    {
      flags: '--plaintext-xds [port]',
      text: 'serve xDS in plain text too, for proxyless gRPC; PORT or ADDRESS:PORT, no secret is served there (default 127.0.0.1:15010)',
    },
    { flags: '--network <bridge,address,prefix>', text: 'bridge for workloads in network namespaces (the demo passes its own)' },
    { flags: '--cert-ttl <duration>', text: 'life of a workload certificate', default: '24h' },
    { flags: '--trust-domain <name>', text: 'trust domain of the identities', default: 'cluster.local' },
    { flags: '--mesh-config <file>', text: "settings of the mesh (Istio's MeshConfig, YAML); the ConfigMap istio-system/istio wins over it" },
    {
      flags: '--jwks-blocked-cidrs <range...>',
      text: 'addresses that keys of token issuers (jwksUri) are never fetched from, besides link-local ones: 10.0.0.0/8 …',
    },
    { flags: '--access-log <format>', text: 'access log of the proxies', choices: ['text', 'json', 'off'], default: 'text' },
    { flags: '--tracing-sampling <percent>', text: 'share of requests whose trace is kept', default: '100' },
  ],
  async run({ options, out }) {
    const { runControlPlane } = await import('../processes/run-control-plane.ts');
    const config = options['config'];
    return runControlPlane(
      {
        configDirs: listOf(config),
        stateDir: text(options, 'stateDir'),
        bind: text(options, 'bind') ?? '127.0.0.1',
        consolePort: serverPort(text(options, 'consolePort'), '--console-port'),
        apiPort: serverPort(text(options, 'apiPort'), '--api-port'),
        xdsPort: serverPort(text(options, 'xdsPort'), '--xds-port'),
        plaintextXds: readPlaintextXds(options['plaintextXds']),
        network: readNetwork(text(options, 'network')),
        certTtl: text(options, 'certTtl') ?? '24h',
        trustDomain: text(options, 'trustDomain') ?? 'cluster.local',
        meshConfig: text(options, 'meshConfig'),
        jwksBlockedCidrs: listOf(options['jwksBlockedCidrs']),
        accessLog: text(options, 'accessLog') ?? 'text',
        tracingSampling: Number(text(options, 'tracingSampling') ?? '100'),
      },
      out,
    );
  },
});

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** On loopback unless an address is given: what is served there is for anybody who can connect. */
export function readPlaintextXds(value: unknown): { readonly host: string; readonly port: number } | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return { host: '127.0.0.1', port: 15010 };
  const colon = value.lastIndexOf(':');
  const host = colon < 0 ? '127.0.0.1' : value.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: serverPort(value.slice(colon + 1), '--plaintext-xds') };
}

function readNetwork(value: string | undefined): { readonly bridge: string; readonly gateway: string; readonly prefixLength: number } | undefined {
  if (value === undefined) return undefined;
  const [bridge, gateway, prefix] = value.split(',');
  if (bridge === undefined || gateway === undefined || !Number.isInteger(Number(prefix)))
    throw new MeshError('cli/usage', `--network "${value}" is not of the form BRIDGE,ADDRESS,PREFIXLENGTH (mlt-4711-br,10.77.0.1,16)`);
  return { bridge, gateway, prefixLength: Number(prefix) };
}
