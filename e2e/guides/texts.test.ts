import { checkGuideTexts } from './run-guides.ts';

checkGuideTexts();
