#!/usr/bin/env node
import { runService } from '#shared/runtime';
import { witnessService } from './process.ts';

await runService(witnessService, process);
