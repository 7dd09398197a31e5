export type { SecretFile } from './credentials.ts';
export { webhookLimits } from './limits.ts';
export { refusals } from './refusals.ts';
export { createWebhookSource, type WebhookSource, type WebhookSourceOptions } from './webhook-source.ts';
