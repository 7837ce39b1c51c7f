import { isLogLevel } from '../main/ports.ts';
import { json, text, type AdminEndpoint } from './context.ts';

export const readyEndpoint: AdminEndpoint = {
  path: '/ready',
  help: '200 LIVE when the configuration is in force, else 503 with the state',
  write: false,
  handle(context) {
    const state = context.state();
    return text(`${state}\n`, state === 'LIVE' ? 200 : 503);
  },
};

export const serverInfoEndpoint: AdminEndpoint = {
  path: '/server_info',
  help: 'version, state, uptime, node',
  write: false,
  handle(context) {
    const uptime = `${Math.floor(context.uptimeMs() / 1_000)}s`;
    return json({
      version: `meltemi/${context.version}/node-${process.versions.node}`,
      state: context.state(),
      uptime_current_epoch: uptime,
      uptime_all_epochs: uptime,
      command_line_options: { mode: 'Serve', concurrency: 1, restart_epoch: context.epoch, log_level: context.log.level },
      node: context.node,
    });
  },
};

export const loggingEndpoint: AdminEndpoint = {
  path: '/logging',
  help: 'sets the log level (?level=debug|info|warn|error|off)',
  write: true,
  handle(context, { query }) {
    const level = query.get('level') ?? query.get('paths') ?? '';
    // Envoy's names for the same.
    const own = { warning: 'warn', critical: 'error', trace: 'debug' }[level] ?? level;
    if (own !== '' && !isLogLevel(own)) return text(`unknown level "${level}": debug, info, warn, error or off\n`, 400);
    if (isLogLevel(own)) context.log.level = own;
    return text(`active loggers:\n  proxy: ${context.log.level}\n`);
  },
};

export const drainEndpoint: AdminEndpoint = {
  path: '/drain_listeners',
  help: 'takes no new connections (?graceful: after the drain time, clients are told now; &skip_exit: never; ?inboundonly)',
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
  help: 'ends the proxy',
  write: true,
  handle(context) {
    context.quit();
    return text('OK\n');
  },
};
