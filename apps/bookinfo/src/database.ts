import type { ChildProcess } from 'node:child_process';
import { enableCompileCache } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { endLeftover, findPostgres, initialise, startServer } from './postgres.ts';
import type { Environment } from './server.ts';

/** A running database server. `stop` ends it cleanly and resolves when no process of it is left. */
export interface RunningDatabase {
  stop(): Promise<void>;
  /** Resolves with the exit code when the server ends, for whatever reason. */
  readonly ended: Promise<number>;
}

const START_TIMEOUT_MS = 20_000;

/** Each paragraph is one statement (they run in Postgres' single-user mode). */
const SEED = `CREATE TABLE ratings (product_id integer NOT NULL, reviewer text NOT NULL, stars integer NOT NULL, PRIMARY KEY (product_id, reviewer));

INSERT INTO ratings VALUES (0, 'Reviewer1', 5), (0, 'Reviewer2', 4);`;

/**
 * Starts Bookinfo's ratings database: a real Postgres on HOST:PORT (0.0.0.0:5432 without), its data in DATA_DIR, made on the
 * first start and kept. Resolves when it accepts connections.
 */
export async function startDatabase(env: Environment, log: (line: string) => void): Promise<RunningDatabase> {
  const host = env['HOST'] ?? '0.0.0.0';
  const port = Number(env['PORT'] ?? '5432');
  const home = findPostgres(resolve(env['DATA_DIR'] ?? join(tmpdir(), `meltemi-bookinfo-database-${userInfo().uid}`)));
  await endLeftover(home.dataDir);
  initialise(home, {
    user: env['POSTGRES_USER'] ?? 'bookinfo',
    password: env['POSTGRES_PASSWORD'] ?? 'bookinfo',
    database: env['POSTGRES_DB'] ?? 'bookinfo',
    seed: SEED,
  });
  const child = startServer(home, host, port);
  const ended = new Promise<number>((done) => {
    child.once('exit', (code) => done(code ?? 1));
    child.once('error', () => done(1));
  });
  await ready(child, ended, log);
  log(`postgresdb ${env['SERVICE_VERSION'] ?? 'v1'} listens on ${host}:${port}`);
  return {
    ended,
    stop: async () => {
      child.kill('SIGINT'); // Postgres' fast shutdown: sessions are closed, data is written
      await ended;
    },
  };
}

/** Passes the server's log on, and resolves with the line that says it is ready. */
function ready(child: ChildProcess, ended: Promise<number>, log: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    const timer = setTimeout(() => reject(new Error(`Postgres is not ready after ${START_TIMEOUT_MS} ms`)), START_TIMEOUT_MS);
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (line) => {
        log(line);
        lines.push(line);
        if (lines.length > 20) lines.shift();
        if (line.includes('ready to accept connections')) resolve();
      });
    }
    void ended.then((code) => reject(new Error(`Postgres ended with code ${code}: ${lines.join(' | ')}`)));
    const done = (): void => clearTimeout(timer);
    void ended.then(done);
    child.stderr?.once('close', done);
  });
}

if (import.meta.main) {
  enableCompileCache();
  const database = await startDatabase(process.env, (line) => console.log(line)).catch((error: unknown) => {
    console.error(`postgresdb: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  });
  let stopping = false;
  const stop = (): void => {
    stopping = true;
    void database.stop();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const code = await database.ended;
  process.exit(stopping ? 0 : code);
}
