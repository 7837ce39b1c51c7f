import { defineCommand } from '../define-command.ts';
import { readDemoOptions } from '../demo/demo-options.ts';
import { dataPlaneOption, interceptionOption } from './workload-options.ts';

export const demo = defineCommand({
  name: 'demo',
  summary: 'Bookinfo on the mesh: control plane, gateway, console, nine workloads and load',
  help: 'Starts everything on this machine and prints the addresses. Ctrl-C ends all of it.\nThe namespace is "bookinfo"; service, workload and subset names are those of Istio\'s Bookinfo, so its configuration applies as it is.',
  examples: [
    'meltemi demo',
    'meltemi demo --data-plane envoy',
    'meltemi demo --interception ports --load 20',
    'meltemi demo --json --gateway-port 0 --console-port 0',
  ],
  options: [
    dataPlaneOption,
    interceptionOption,
    { flags: '--gateway-port <port>', text: 'port of the gateway; 0 takes a free one (default 8080)' },
    { flags: '--console-port <port>', text: 'port of the console; 0 takes a free one (default 20001)' },
    { flags: '--load <rps>', text: 'requests per second that the load generator sends; 0 for none', default: '5' },
    { flags: '--config <dir...>', text: 'folders with further configuration, watched while it runs' },
    { flags: '--state-dir <dir>', text: 'keep configuration, certificates and metrics here for the next start (else they go with the demo)' },
    {
      flags: '--bind <address>',
      text: 'address that gateway and console listen on; one that others can reach asks for the printed token',
      default: '127.0.0.1',
    },
    { flags: '--cert-ttl <duration>', text: 'life of a workload certificate, 24h, 20s', default: '24h' },
    {
      flags: '--access-log <format>',
      text: "access log of the proxies, in Istio's default format or its JSON",
      choices: ['text', 'json', 'off'],
      default: 'text',
    },
    { flags: '--json', text: 'print one JSON object when ready: gateway, console, controlPlane, dataPlane, interception' },
  ],
  async run({ options, out }) {
    const { runDemo } = await import('../demo/run-demo.ts');
    return runDemo(readDemoOptions(options), out);
  },
});
