#!/usr/bin/env node
import { runService } from '#shared/runtime';
import { retentionService } from './process.ts';

await runService(retentionService, process);
