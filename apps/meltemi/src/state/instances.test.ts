import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeshError } from '@meltemi/base';
import { connect } from '../client/control-plane-client.ts';
import { ensureToken, findInstance, registerInstance, type Instance } from './instances.ts';
import { defaultStateDir } from './state-dir.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

function withState(run: (stateDir: string) => void): void {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-state-'));
  try {
    run(stateDir);
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

const instance = (pid: number, startedAt: number, tokenFile = 'token'): Instance => ({
  format: 1,
  pid,
  startedAt,
  controlPlane: `http://127.0.0.1:${startedAt}`,
  console: '',
  tokenFile,
});

test('the state directory is where the environment says', () => {
  assert.equal(defaultStateDir({ MELTEMI_STATE: '/a' }), '/a');
  assert.equal(defaultStateDir({ XDG_STATE_HOME: '/b' }), '/b/meltemi');
  assert.match(defaultStateDir({}), /\.local\/state\/meltemi$/);
});

test('token and instance files are for their owner only; the token stays', () =>
  withState((stateDir) => {
    const { token, file } = ensureToken(stateDir);
    assert.match(token, /^[\w-]{43}$/);
    assert.equal(ensureToken(stateDir).token, token);
    registerInstance(stateDir, instance(process.pid, 1));
    if (process.platform !== 'win32')
      assert.deepEqual([modeOf(join(stateDir, 'run')), modeOf(file), modeOf(join(stateDir, 'run', `${process.pid}.json`))], ['700', '600', '600']);
    assert.deepEqual(
      readdirSync(join(stateDir, 'run')).filter((name) => name.endsWith('.tmp')),
      [],
    );
  }));

test('a token file that holds none is an error that says what to do', () =>
  withState((stateDir) => {
    const { file } = ensureToken(stateDir);
    writeFileSync(file, 'short\n');
    assert.throws(
      () => ensureToken(stateDir),
      (error) => error instanceof MeshError && /delete the file/.test(error.message),
    );
  }));

test('the newest instance that lives is found; files of dead ones go, what is no instance stays', () =>
  withState((stateDir) => {
    assert.equal(findInstance(stateDir), undefined);
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const remove = registerInstance(stateDir, instance(process.pid, 2));
    registerInstance(stateDir, instance(process.ppid, 1));
    registerInstance(stateDir, instance(dead, 3));
    writeFileSync(join(stateDir, 'run', 'half.json'), '{ "format": 1, ');
    writeFileSync(join(stateDir, 'run', 'newer.json'), JSON.stringify({ ...instance(process.pid, 9), format: 2 }));
    assert.equal(findInstance(stateDir)?.pid, process.pid);
    assert.equal(existsSync(join(stateDir, 'run', `${dead}.json`)), false);
    assert.equal(existsSync(join(stateDir, 'run', 'half.json')), true);
    remove();
    assert.equal(findInstance(stateDir)?.pid, process.ppid);
  }));

test('a client is that of --server, of MELTEMI_SERVER, or of the instance on this machine with its token', () =>
  withState((stateDir) => {
    const { token, file } = ensureToken(stateDir);
    registerInstance(stateDir, instance(process.pid, 4711, file));
    const found = (server?: string, env: NodeJS.ProcessEnv = {}): readonly (string | undefined)[] => {
      const client = connect({ server, env: { MELTEMI_STATE: stateDir, ...env } });
      return [client.url, client.token];
    };
    assert.deepEqual(found(), ['http://127.0.0.1:4711', token]);
    assert.deepEqual(found(undefined, { MELTEMI_TOKEN: 'own' }), ['http://127.0.0.1:4711', 'own']);
    assert.deepEqual(found(undefined, { MELTEMI_SERVER: 'mesh.example:15014/' }), ['http://mesh.example:15014', undefined]);
    assert.deepEqual(found('https://a', { MELTEMI_SERVER: 'b', MELTEMI_TOKEN: 't' }), ['https://a', 't'], 'a local token is not sent elsewhere');
  }));
