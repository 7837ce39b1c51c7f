import type { ReactElement } from 'react';
import { usePath } from '../../url/router.ts';
import { ConfigListView } from './list-view.tsx';
import { objectOfPath } from './object-path.ts';
import { ObjectView } from './object-view.tsx';

/** The list of configuration, or one object of it. */
export function IstioConfigView(): ReactElement {
  const object = objectOfPath(usePath());
  return object === undefined ? <ConfigListView /> : <ObjectView id={object} />;
}
