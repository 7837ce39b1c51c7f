/** `/etc/resolv.conf` of a namespace. Lookups are redirected to the agent, whatever address stands there. */
export function resolvConf(gateway: string, meshNamespace: string): string {
  return `# Made by meltemi. All lookups go to the agent of this workload, whatever address stands here.
nameserver ${gateway}
search ${meshNamespace}.svc.cluster.local svc.cluster.local cluster.local
options ndots:5 timeout:2
`;
}

const SOURCES = 'files dns';
const HOSTS_LINE = /^[ \t]*hosts:[ \t]*(.*)$/m;

/**
 * `/etc/nsswitch.conf` of a namespace: the host's, with names looked up by DNS. On many machines systemd-resolved is asked first, by a socket that leads out of
 * the namespace, and its "no such name" is final: no name of the mesh would be found. Undefined: the host's will do.
 */
export function nameServiceSwitch(host: string): string | undefined {
  const line = HOSTS_LINE.exec(host);
  if (line === null || (line[1] ?? '').replace(/#.*/, '').trim().split(/\s+/).join(' ') === SOURCES) return undefined;
  return host.replace(HOSTS_LINE, `hosts: ${SOURCES}`);
}
