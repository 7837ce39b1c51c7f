import type { Command } from '../define-command.ts';
import { controlPlane } from './control-plane.ts';
import { apply } from './apply.ts';
import { deleteCommand } from './delete.ts';
import { get } from './get.ts';
import { proxyConfig } from './proxy-config.ts';
import { proxyStatus } from './proxy-status.ts';
import { version } from './version.ts';

/** Every verb, in the order of the help. */
export const commands: readonly Command[] = [controlPlane, apply, get, deleteCommand, proxyStatus, proxyConfig, version];
