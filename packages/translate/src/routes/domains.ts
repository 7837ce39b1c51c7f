import { isWildcard, vipAddress, type ProxyNode, type Service } from '@meltemi/model';

/** What host names depend on, of a node. */
export interface DomainScope extends Pick<ProxyNode, 'interception' | 'address' | 'namespace'> {
  readonly domainSuffix: string;
}

/**
 * Everything a caller may put into `Host` for a service: complete name, with a trailing dot, Kubernetes' shorter forms (the bare name only for callers of
 * the same namespace), its virtual and other addresses. The port is left out: tables of sidecars do not look at that of the request, as in Istio.
 */
export function domainsOf(service: Service, scope: DomainScope): readonly string[] {
  const names = isWildcard(service.hostname)
    ? [service.hostname]
    : [service.hostname, ...(service.aliases ?? [])].flatMap((name) => [name, `${name}.`, ...shortNames(name, scope)]);
  if (service.headless) names.push(...names.filter((name) => !name.endsWith('.') && !isWildcard(name)).map((name) => `*.${name}`));
  if (service.vip !== undefined) names.push(vipAddress(service.vip, scope));
  for (const address of service.addresses) if (!address.includes('/')) names.push(address.includes(':') ? `[${address}]` : address);
  return names;
}

/** `reviews` (own namespace only), `reviews.bookinfo`, `reviews.bookinfo.svc` for a cluster host name; none for others. */
export function shortNames(hostname: string, scope: { readonly namespace: string; readonly domainSuffix: string }): readonly string[] {
  const suffix = `.svc.${scope.domainSuffix}`;
  if (!hostname.endsWith(suffix) || isWildcard(hostname)) return [];
  const short = hostname.slice(0, -suffix.length);
  const dot = short.lastIndexOf('.');
  const own = dot > 0 && short.slice(dot + 1) === scope.namespace;
  return [...(own ? [short.slice(0, dot)] : []), short, `${short}.svc`];
}
