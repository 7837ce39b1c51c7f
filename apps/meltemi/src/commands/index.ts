import type { Command } from '../define-command.ts';
import { version } from './version.ts';

/** Every verb, in the order of the help. */
export const commands: readonly Command[] = [version];
