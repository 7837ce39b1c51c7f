import { MeshError } from '@meltemi/base';
import type { Output } from './output/output.ts';

/** One option of a command, in commander's flag notation. */
export interface OptionSpec {
  readonly flags: string;
  readonly text: string;
  readonly default?: string | boolean;
  readonly choices?: readonly string[];
}

/** One positional argument: `name` required, `[name]` optional, `name...` repeated. */
export interface ArgumentSpec {
  readonly name: string;
  readonly text: string;
}

/** What a command gets: its parsed options, its arguments in order, and where to print. */
export interface Invocation {
  readonly options: Readonly<Record<string, unknown>>;
  readonly args: readonly string[];
  readonly out: Output;
}

/** A CLI verb. `run` returns the exit code: 0 done, 1 it failed, 2 used wrongly. It throws MeshError; the frame prints it. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Longer help: what it does, when to use it. */
  readonly help?: string;
  readonly examples?: readonly string[];
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** Everything after `--` is passed on as it is. */
  readonly passThrough?: boolean;
  readonly run: (invocation: Invocation) => Promise<number>;
}

/** Identity function that fixes the type; one per file in `commands/`. */
export function defineCommand(command: Command): Command {
  return command;
}

/** A string option, or undefined when it was not given. */
export function text(options: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Texts of an option that may be repeated or given several values. */
export function texts(options: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? (value as string[]) : [];
}

/** Seconds of an option, as milliseconds. Throws MeshError `cli/usage`. */
export function secondsOf(value: string | undefined, flag: string, most: number): number {
  const seconds = Number((value ?? '').replace(/s$/, ''));
  if (value === undefined || value.trim() === '' || !(seconds >= 0 && seconds <= most))
    throw new MeshError('cli/usage', `${flag} ${value ?? ''}: expected seconds from 0 to ${most}`);
  return Math.round(seconds * 1000);
}
