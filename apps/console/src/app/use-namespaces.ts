import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { NamespaceInfo } from '../api/kiali.ts';
import { namespacesQuery } from '../api/queries.ts';
import { useOptions } from '../url/router.ts';

/** The namespaces that exist, and those that are chosen. */
export interface NamespaceChoice {
  readonly all: readonly NamespaceInfo[];
  readonly chosen: readonly string[];
  readonly loading: boolean;
  readonly error: Error | null;
  readonly choose: (names: readonly string[]) => void;
}

export function isControlPlane(namespace: NamespaceInfo): boolean {
  return namespace.isControlPlane ?? namespace.name === 'istio-system';
}

/** Without a choice in the address, every namespace of the mesh but the control plane's: a first look shows the applications. */
export function useNamespaces(): NamespaceChoice {
  const [options, change] = useOptions();
  const { data, isPending, error } = useQuery(namespacesQuery());
  return useMemo(() => {
    const all = data ?? [];
    const applications = all.filter((one) => !isControlPlane(one) && one.isInjected !== false).map((one) => one.name);
    return {
      all,
      chosen: options.namespaces ?? applications,
      loading: isPending,
      error: data === undefined ? error : null,
      choose: (names) => change({ namespaces: names }),
    };
  }, [data, isPending, error, options.namespaces, change]);
}
