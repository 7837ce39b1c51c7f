import { json, text, type AdminContext, type AdminEndpoint } from './context.ts';

export const readyEndpoint: AdminEndpoint = {
  path: '/ready',
  help: 'print server state, return 200 if LIVE, otherwise return 503',
  write: false,
  handle(context) {
    const state = context.state();
    return text(`${state}\n`, state === 'LIVE' ? 200 : 503);
  },
};

export const serverInfoEndpoint: AdminEndpoint = {
  path: '/server_info',
  help: 'print server version/status information',
  write: false,
  handle(context) {
    const uptime = `${Math.floor(context.uptimeMs() / 1_000)}s`;
    return json({
      version: `meltemi/${context.version}/node-${process.versions.node}`,
      state: context.state(),
      uptime_current_epoch: uptime,
      uptime_all_epochs: uptime,
      hot_restart_version: 'disabled',
      hot_restart_initializing: false,
      command_line_options: { mode: 'Serve', concurrency: context.threads, restart_epoch: context.epoch, log_level: context.log.level },
      node: {
        ...NODE,
        ...context.node,
        locality: { region: '', zone: '', sub_zone: '', ...context.node.locality },
        user_agent_name: 'meltemi',
        user_agent_build_version: buildVersion(context.version),
      },
    });
  },
};

/** Members that a node has in Envoy's answer, whatever it says. */
const NODE = { extensions: [], client_features: [], listening_addresses: [], dynamic_parameters: {} } as const;

function buildVersion(version: string): object {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return { version: { major_number: major, minor_number: minor, patch }, metadata: {} };
}

export const drainEndpoint: AdminEndpoint = {
  path: '/drain_listeners',
  help: 'drain listeners',
  params: {
    graceful: 'Clients are told now, listeners close after the drain time',
    skip_exit: 'Only tell clients; needs graceful',
    inboundonly: 'Only inbound listeners',
  },
  write: true,
  handle(context, { query }) {
    const [graceful, skipExit] = [query.has('graceful'), query.has('skip_exit')];
    if (skipExit && !graceful) return text('skip_exit requires graceful\n', 400);
    context.drain({ scope: query.has('inboundonly') ? 'inbound' : 'all', graceful, skipExit });
    return text('OK\n');
  },
};

export const quitEndpoint: AdminEndpoint = {
  path: '/quitquitquit',
  help: 'exit the server',
  write: true,
  handle(context) {
    context.quit();
    return text('OK\n');
  },
};

const healthEndpoint = (path: string, help: string, failing: boolean): AdminEndpoint => ({
  path,
  help,
  write: true,
  async handle(context) {
    await context.order({ t: 'failing', failing });
    return text('OK\n');
  },
});

export const failEndpoint = healthEndpoint('/healthcheck/fail', 'cause the server to fail health checks', true);
export const recoverEndpoint = healthEndpoint('/healthcheck/ok', 'cause the server to pass health checks', false);

export const resetEndpoint: AdminEndpoint = {
  path: '/reset_counters',
  help: 'reset all counters to zero',
  write: true,
  async handle(context) {
    await context.order({ t: 'reset-counters' });
    return text('OK\n');
  },
};

/** Envoy's members, with what they come to in this runtime. */
export const memoryEndpoint: AdminEndpoint = {
  path: '/memory',
  help: 'print current allocation/heap usage',
  write: false,
  handle() {
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    return json({
      allocated: String(heapUsed + external),
      heap_size: String(heapTotal),
      pageheap_unmapped: '0',
      pageheap_free: String(heapTotal - heapUsed),
      total_thread_cache: '0',
      total_physical_bytes: String(rss),
    });
  },
};

/** The proxy takes its limits when it starts: one layer, and nothing that could change them. */
export const runtimeEndpoint: AdminEndpoint = {
  path: '/runtime',
  help: 'print runtime values',
  write: false,
  handle({ runtime }) {
    const entries = Object.entries(runtime).map(([key, value]) => [key, { final_value: value, layer_values: [value] }] as const);
    return json({ layers: entries.length === 0 ? [] : ['bootstrap'], entries: Object.fromEntries(entries) });
  },
};

export const initDumpEndpoint: AdminEndpoint = {
  path: '/init_dump',
  help: 'print what is still waited for before the configuration is in force',
  params: { mask: 'listener or cluster: only those' },
  write: false,
  handle(context, { query }) {
    const mask = query.get('mask') ?? '';
    const dumps = waiting(context).filter(({ name, target_names: names }) => names.length > 0 && name.includes(mask));
    return json(dumps.length === 0 ? {} : { unready_targets_dumps: dumps });
  },
};

function waiting(context: AdminContext): readonly { readonly name: string; readonly target_names: readonly string[] }[] {
  const { pending } = context.configState();
  return [
    { name: 'init manager: cluster', target_names: pending.clusters },
    { name: 'init manager: listener', target_names: pending.listeners },
  ];
}
