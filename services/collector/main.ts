#!/usr/bin/env node
import { keepHeapSmall, runService } from '#shared/runtime';

keepHeapSmall();
const { collectorService } = await import('./process.ts');
await runService(collectorService, process);
