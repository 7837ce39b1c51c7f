import { readFileSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';

/** `pid: command` of the processes that carry `mark` in their environment or their arguments. Empty where there is no /proc to look at. */
export function processesWith(mark: string): readonly string[] {
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
