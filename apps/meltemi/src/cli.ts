import { MeshError } from '@meltemi/base';
import { Command as Commander, CommanderError, Option } from 'commander';
import { commandsOf } from './commands/of-verb.ts';
import type { Command } from './define-command.ts';
import { consoleOutput, type Output } from './output/output.ts';
import { VERSION } from './version.ts';

/** Runs one command line (without `node` and the script). Returns the exit code; never throws, never prints a stack trace unless MELTEMI_DEBUG is set. */
export async function runCli(argv: readonly string[], out: Output = consoleOutput): Promise<number> {
  let exitCode = 0;
  const program = createProgram(await commandsOf(argv[0]), out, (code) => {
    exitCode = code;
  });
  const { before, after } = splitPassThrough(argv);
  passedThrough = after;
  try {
    await program.parseAsync([...before], { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, out);
  }
}

/** What stands after `--`; commander would drop the boundary. */
let passedThrough: readonly string[] = [];

function splitPassThrough(argv: readonly string[]): { before: readonly string[]; after: readonly string[] } {
  const index = argv.indexOf('--');
  return index < 0 ? { before: argv, after: [] } : { before: argv.slice(0, index), after: argv.slice(index + 1) };
}

function createProgram(commands: readonly Command[], out: Output, setExitCode: (code: number) => void): Commander {
  const program = new Commander('meltemi');
  program
    .description('A service mesh for processes, VMs and Kubernetes. Start with "meltemi demo": Bookinfo on the mesh, with gateway, console and load.')
    .version(VERSION, '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(add --help for what this command takes)')
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut: (text) => out.line(text.trimEnd()), writeErr: (text) => out.note(text.trimEnd()) })
    .addHelpText(
      'after',
      '\nFirst steps:\n  meltemi demo                        Bookinfo on the mesh; prints the URLs\n  meltemi get virtualservices -A      what is configured\n  meltemi apply -f my-routing.yaml    change it\n  meltemi proxy-status                who has acknowledged it\n',
    );
  for (const command of commands) addCommand(program, command, out, setExitCode);
  return program;
}

function addCommand(program: Commander, command: Command, out: Output, setExitCode: (code: number) => void): void {
  const verb = program
    .command(command.name)
    .summary(command.summary)
    .description(command.help ?? command.summary);
  for (const argument of command.arguments ?? []) verb.argument(/^[[<]/.test(argument.name) ? argument.name : `<${argument.name}>`, argument.text);
  for (const option of command.options ?? []) {
    const made = new Option(option.flags, option.text);
    if (option.default !== undefined) made.default(option.default);
    if (option.choices !== undefined) made.choices([...option.choices]);
    verb.addOption(made);
  }
  if (command.examples !== undefined) verb.addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  ${example}`).join('\n')}\n`);
  verb.action(async (...received: unknown[]) => {
    const options = verb.opts<Record<string, unknown>>();
    const args = received
      .slice(0, command.arguments?.length ?? 0)
      .flatMap((arg) => (Array.isArray(arg) ? (arg as string[]) : typeof arg === 'string' ? [arg] : []));
    if (passedThrough.length > 0 && command.passThrough !== true)
      throw new MeshError('cli/usage', `"meltemi ${command.name}" takes nothing after "--"`);
    setExitCode(await command.run({ options, args: command.passThrough === true ? [...args, ...passedThrough] : args, out }));
  });
}

function reportFailure(error: unknown, out: Output): number {
  if (error instanceof CommanderError)
    return error.exitCode === 0 || error.code === 'commander.help' || error.code === 'commander.helpDisplayed' ? 0 : 2;
  const mesh = MeshError.from(error, 'cli/unexpected');
  out.error(mesh.message);
  if (process.env['MELTEMI_DEBUG'] !== undefined && error instanceof Error) out.note(error.stack ?? '');
  else if (mesh.code === 'cli/unexpected') out.note('This should not happen. Run the command again with MELTEMI_DEBUG=1 and report what it prints.');
  return mesh.code === 'cli/usage' ? 2 : 1;
}
