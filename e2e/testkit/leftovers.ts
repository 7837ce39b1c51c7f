import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';

/** `pid: command` of the processes that carry `mark` in their environment or their arguments. Empty where there is no /proc to look at. */
export function processesOf(mark: string): readonly string[] {
  return list('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
      return command !== '' && (command.includes(mark) || read(`/proc/${pid}/environ`).includes(mark)) ? [`${pid}: ${command}`] : [];
    });
}

/** What the processes of the demo's database carry in their arguments; their environment is emptied. */
export function databaseMark(gateway: string): string {
  return `meltemi-bookinfo-${userInfo().uid}-${new URL(gateway).port}`;
}

/** Network namespaces, interfaces and packet filter tables that a demo with this pid made, by the pid in their names. */
export function leftOf(pid: number): readonly string[] {
  return networkNames().filter((name) => name.startsWith(`mlt-${pid}-`));
}

/** The same of whatever owner. Empty where there are none to see. */
export function networkNames(): readonly string[] {
  const said = [
    ['ip', 'netns', 'list'],
    ['ip', '-o', 'link'],
    ['nft', 'list', 'tables'],
  ].flatMap(([program = '', ...args], index) => {
    const names = (spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '').match(/mlt-\d+-[\w-]+/g) ?? [];
    return names.map((name) => (index === 0 ? `${name} (namespace)` : name));
  });
  return [...new Set(said)];
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty for a process that is gone by now. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
