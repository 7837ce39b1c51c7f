import type { GraphModel, GraphNode } from '../model.ts';
import { boxPadding, footprint, SHAPE_RADIUS, type Point } from './geometry.ts';

/** What the layout worker is asked: plain data, no classes. */
export interface ElkNode {
  readonly id: string;
  readonly width?: number;
  readonly height?: number;
  readonly layoutOptions?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly id: string; readonly x: number; readonly y: number }[];
  readonly children?: readonly ElkNode[];
  readonly edges?: readonly { readonly id: string; readonly sources: readonly string[]; readonly targets: readonly string[] }[];
}

/** What it answers: the input with places. Coordinates count from the root's corner. */
export interface ElkResultNode {
  readonly id: string;
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly height?: number;
  readonly children?: readonly ElkResultNode[];
  readonly edges?: readonly { readonly id: string; readonly sections?: readonly { readonly bendPoints?: readonly Point[] }[] }[];
}

/** A layout: the centre of each node's shape and the bends of each edge. */
export interface Layout {
  readonly places: ReadonlyMap<string, Point>;
  readonly bends: ReadonlyMap<string, readonly Point[]>;
}

export type LayoutName = 'layered' | 'grid' | 'concentric' | 'breadthfirst';

/** Above this many nodes the finer placement of ELK takes seconds. */
const FINE_LAYOUT_NODES = 150;
/** How much of a label's width counts for the distance between layers. */
const LABEL_SHARE = 0.56;

/** Distances; ELK asks for them at every box anew. */
const SPACING: Readonly<Record<string, string>> = {
  'elk.layered.spacing.nodeNodeBetweenLayers': '62',
  'elk.spacing.nodeNode': '44',
  'elk.layered.spacing.edgeNodeBetweenLayers': '18',
  'elk.spacing.edgeNode': '22',
};

function rootOptions(nodes: number): Record<string, string> {
  const fine = nodes <= FINE_LAYOUT_NODES;
  return {
    'elk.algorithm': 'layered',
    'elk.direction': 'RIGHT',
    'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
    'elk.edgeRouting': 'POLYLINE',
    'elk.json.shapeCoords': 'ROOT',
    'elk.json.edgeCoords': 'ROOT',
    'elk.spacing.componentComponent': '40',
    ...SPACING,
    'elk.layered.nodePlacement.strategy': fine ? 'BRANDES_KOEPF' : 'SIMPLE',
    'elk.layered.nodePlacement.bk.fixedAlignment': 'BALANCED',
    'elk.layered.layering.strategy': fine ? 'NETWORK_SIMPLEX' : 'LONGEST_PATH',
    'elk.layered.thoroughness': fine ? '10' : '3',
  };
}

/** The model as ELK's input: boxes hold their members, order is that of names so that equal graphs get equal pictures. */
export function elkInput(model: GraphModel): ElkNode {
  const children = new Map<string | undefined, GraphNode[]>();
  for (const node of [...model.nodes.values()].toSorted((a, b) => (a.label + a.id < b.label + b.id ? -1 : 1))) {
    const siblings = children.get(node.parent) ?? [];
    children.set(node.parent, siblings);
    siblings.push(node);
  }
  const convert = (node: GraphNode): ElkNode => {
    if (node.box === undefined) {
      const room = footprint(node, { x: 0, y: 0 });
      // Labels hang below the shapes, where there is room between the layers: they need not part these.
      const width = Math.max(2 * SHAPE_RADIUS + 6, room.width * LABEL_SHARE);
      return { id: node.id, width, height: room.height, layoutOptions: { 'elk.portConstraints': 'FIXED_POS' }, ports: portsOf(node.id, width) };
    }
    const { side, bottom } = boxPadding(node.box);
    return {
      id: node.id,
      layoutOptions: { ...SPACING, 'elk.padding': `[top=${side},left=${side},bottom=${bottom},right=${side}]` },
      children: (children.get(node.id) ?? []).map(convert),
    };
  };
  // A box has no ports of its own: its edges end where they meet its frame.
  const end = (id: string, side: 'in' | 'out'): string => (model.nodes.get(id)?.box === undefined ? `${id}:${side}` : id);
  return {
    id: 'root',
    layoutOptions: rootOptions(model.nodes.size),
    children: (children.get(undefined) ?? []).map(convert),
    edges: [...model.edges.values()]
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((edge) => ({ id: edge.id, sources: [end(edge.source, 'out')], targets: [end(edge.target, 'in')] })),
  };
}

/** Edges come and go at the height of the shape, not of the middle of shape and label. */
function portsOf(id: string, width: number): NonNullable<ElkNode['ports']> {
  const y = SHAPE_RADIUS + 2;
  return [
    { id: `${id}:in`, x: 0, y },
    { id: `${id}:out`, x: width, y },
  ];
}

/** ELK's answer as a layout. */
export function elkOutput(result: ElkResultNode): Layout {
  const places = new Map<string, Point>();
  const bends = new Map<string, readonly Point[]>();
  const walk = (node: ElkResultNode): void => {
    for (const edge of node.edges ?? [])
      bends.set(
        edge.id,
        (edge.sections ?? []).flatMap((section) => section.bendPoints ?? []),
      );
    for (const child of node.children ?? []) {
      if (child.children === undefined || child.children.length === 0)
        places.set(child.id, { x: (child.x ?? 0) + (child.width ?? 0) / 2, y: (child.y ?? 0) + SHAPE_RADIUS + 2 });
      walk(child);
    }
  };
  walk(result);
  return { places, bends };
}
