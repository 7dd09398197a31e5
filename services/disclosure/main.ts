#!/usr/bin/env node
import { runService } from '#shared/runtime';
import { disclosureService } from './process.ts';

await runService(disclosureService, process);
