#!/usr/bin/env node
import { runService } from '#shared/runtime';
import { collectorService } from './process.ts';

await runService(collectorService, process);
