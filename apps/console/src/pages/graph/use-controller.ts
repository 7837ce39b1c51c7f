import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, type RefObject } from 'react';
import type { Layout } from '../../graph/layout/elk-input.ts';
import type { Point } from '../../graph/layout/geometry.ts';
import type { GraphModel } from '../../graph/model.ts';
import { GraphController } from '../../graph/render/controller.ts';
import { edgeLabel } from '../../graph/render/labels.ts';
import { DARK, LIGHT } from '../../graph/render/palette.ts';
import type { Hit } from '../../graph/render/scene.ts';
import { useOptions } from '../../url/router.ts';

interface Shown {
  readonly model: GraphModel;
  readonly layout: Layout | undefined;
  readonly found: ReadonlySet<string>;
  readonly live: boolean;
}

interface Handlers {
  readonly select: (id: string | undefined) => void;
  readonly move: (id: string, to: Point) => void;
  readonly hover: (hover: { readonly hit: Hit; readonly at: Point } | undefined) => void;
}

interface UsedController {
  readonly base: RefObject<HTMLCanvasElement | null>;
  readonly overlay: RefObject<HTMLCanvasElement | null>;
  readonly controller: RefObject<GraphController | null>;
}

/** A controller for two canvases as long as they are there, told of everything that changes the picture. */
export function useController(shown: Shown, handlers: Handlers): UsedController {
  const base = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const controller = useRef<GraphController>(null);
  const current = useRef(handlers);
  current.current = handlers;
  useEffect(() => {
    if (base.current === null || overlay.current === null) return undefined;
    const created = new GraphController(base.current, overlay.current, {
      select: (hit) => current.current.select(hit?.id),
      hover: (hit, at) => current.current.hover(hit === undefined ? undefined : { hit, at }),
      move: (id, to) => current.current.move(id, to),
    });
    controller.current = created;
    return () => {
      created.dispose();
      controller.current = null;
    };
  }, []);
  useShown(controller, shown);
  return { base, overlay, controller };
}

function useShown(controller: RefObject<GraphController | null>, { model, layout, found, live }: Shown): void {
  const [options] = useOptions();
  const scheme = useComputedColorScheme('light');
  const selected = options.selected === '' ? undefined : options.selected;
  const { rank, animation, edgeLabels, badgeSecurity, badgeSidecar, badgeVS, hideHealthyEdges } = options;
  useEffect(() => {
    if (layout === undefined) return;
    controller.current?.show({
      model,
      layout,
      selected,
      found,
      showRank: rank,
      animate: animation && live,
      labels: { label: (edge) => edgeLabel(edge, edgeLabels.kinds, edge.id === selected), locks: badgeSecurity },
      draw: {
        palette: scheme === 'dark' ? DARK : LIGHT,
        badges: { sidecar: badgeSidecar, virtualService: badgeVS },
        hideHealthyEdges,
      },
    });
  }, [controller, model, layout, selected, found, live, scheme, rank, animation, edgeLabels, badgeSecurity, badgeSidecar, badgeVS, hideHealthyEdges]);
}
