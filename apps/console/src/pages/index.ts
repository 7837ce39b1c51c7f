import type { Page } from '../app/page.ts';
import { applicationsPage } from './applications/index.ts';
import { graphPage } from './graph/index.ts';
import { istioConfigPage } from './istio-config/index.ts';
import { overviewPage } from './overview/index.ts';
import { servicesPage } from './services/index.ts';
import { workloadsPage } from './workloads/index.ts';

/** The pages of the console, in the order of the navigation. */
export const PAGES: readonly Page[] = [overviewPage, graphPage, applicationsPage, workloadsPage, servicesPage, istioConfigPage];
