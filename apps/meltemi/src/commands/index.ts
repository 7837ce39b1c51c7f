import type { Command } from '../define-command.ts';
import { apply } from './apply.ts';
import { controlPlane } from './control-plane.ts';
import { deleteCommand } from './delete.ts';
import { demo } from './demo.ts';
import { get } from './get.ts';
import { proxyConfig } from './proxy-config.ts';
import { proxyRestart } from './proxy-restart.ts';
import { proxyStatus } from './proxy-status.ts';
import { proxyTap } from './proxy-tap.ts';
import { proxy } from './proxy.ts';
import { run } from './run.ts';
import { version } from './version.ts';

/** Every verb, in the order of the help. */
export const commands: readonly Command[] = [
  demo,
  controlPlane,
  run,
  proxy,
  apply,
  get,
  deleteCommand,
  proxyStatus,
  proxyConfig,
  proxyRestart,
  proxyTap,
  version,
];
