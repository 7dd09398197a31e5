#!/usr/bin/env node
import { runService } from '#shared/runtime';
import { ingesterService } from './process.ts';

await runService(ingesterService, process);
