import type { Problem } from '@meltemi/base';
import { formatProblem } from '@meltemi/base';
import { parseProxyNode, type Locality, type ProxyNode } from '@meltemi/model';
import { createTranslator, type MeshState, type ResourceCheck } from '@meltemi/translate';
import type { XdsGenerator, XdsNode } from '../xds/generator.ts';
import { verifyIdentity } from '../xds/identity.ts';

/** The mesh's nodes as the ADS room sees them: what is generated for one, and whether one may come in. */
export interface MeshGenerator extends XdsGenerator<MeshState> {
  /** Undefined when the node may come in, else why not. */
  verify(node: XdsNode): string | undefined;
  /** The node in the model's words, as it says itself; undefined when it makes no sense. */
  nodeOf(node: XdsNode): ProxyNode | undefined;
  /** The node as what it is served as; undefined when it makes no sense. */
  servedAs(node: XdsNode): ProxyNode | undefined;
  /** Whether the node is entitled to something else by now than when something was generated for it last. */
  isAnother(node: XdsNode): boolean;
  /** What of the EnvoyFilters was left out, because a proxy would refuse it. */
  problems(state: MeshState): readonly Problem[];
}

export interface MeshGeneratorOptions {
  /** Certificates of another one are not of this mesh. */
  readonly trustDomain: string;
  /** Where a workload is, when its node does not say: what its WorkloadGroup says. */
  readonly localityOf?: (address: string) => Locality | undefined;
  /** The node as others know it (the same object while nothing changes); undefined when nobody does. Default: as it says itself. */
  readonly known?: (node: ProxyNode) => ProxyNode | undefined;
  /** Judges what EnvoyFilters make of resources. */
  readonly check?: ResourceCheck;
}

type Parsed = ReturnType<typeof parseProxyNode>;

export function createMeshGenerator({
  trustDomain,
  check,
  localityOf = () => undefined,
  known = (node) => node,
}: MeshGeneratorOptions): MeshGenerator {
  const translator = createTranslator(check === undefined ? {} : { check });
  const parsed = new WeakMap<XdsNode, Parsed>();
  const placed = (result: Parsed): Parsed => {
    if (!('node' in result) || result.node.locality.region !== '') return result;
    const locality = localityOf(result.node.address);
    return locality === undefined ? result : { node: { ...result.node, locality } };
  };
  const parse = (node: XdsNode): Parsed => {
    let result = parsed.get(node);
    if (result === undefined) parsed.set(node, (result = placed(parseProxyNode({ ...node, user_agent_name: node.userAgentName ?? '' }))));
    return result;
  };
  const nodeOf = (node: XdsNode): ProxyNode | undefined => {
    const result = parse(node);
    return 'node' in result ? result.node : undefined;
  };
  const unknown = new WeakMap<ProxyNode, ProxyNode>();
  /** Which rules, listeners and keys a node gets is never its own to say: that goes by its certificate, and by what it joined or is registered as. */
  const entitled = (node: XdsNode): ProxyNode | undefined => {
    const claimed = nodeOf(node);
    if (claimed === undefined) return undefined;
    const proxy = node.principal === undefined ? undefined : known(claimed);
    if (proxy !== undefined || claimed.type === 'router') return proxy;
    let stranger = unknown.get(claimed);
    if (stranger === undefined) unknown.set(claimed, (stranger = strangerOf(claimed, node.principal !== undefined)));
    return stranger;
  };
  const last = new WeakMap<XdsNode, ProxyNode>();
  return {
    nodeOf,
    servedAs: entitled,
    isAnother: (node) => entitled(node) !== last.get(node),
    problems: (state) => translator.problems(state.push),
    verify(node) {
      const result = parse(node);
      if ('problem' in result) return formatProblem(result.problem);
      if (node.principal === undefined && result.node.type !== 'grpc')
        return 'a sidecar or gateway cannot come without a certificate of the mesh: what it gets is for its workload only; connect to the mTLS port (15012)';
      return verifyIdentity(node, trustDomain);
    },
    generate(node, typeUrl, names, state) {
      const proxy = entitled(node);
      if (proxy === undefined) return NOTHING;
      last.set(node, proxy);
      return translator.generate(proxy, typeUrl, names, state);
    },
  };
}

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

/** In `exportTo` it means nobody: no object is of this namespace or can be exported to it. */
const NOWHERE = '~';

/**
 * A node of an identity that joined nowhere: what everybody in its namespace sees, and nothing that labels or ports would add. One without a certificate
 * is in no namespace, whatever it says: it sees what is exported to all (docs/decisions/0012).
 */
function strangerOf(node: ProxyNode, hasCertificate: boolean): ProxyNode {
  return { ...node, ...(hasCertificate ? {} : { namespace: NOWHERE, serviceAccount: '' }), workload: '', labels: {}, metadata: {}, ports: [] };
}
